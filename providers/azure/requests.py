"""The clients of operations on Azure: blobs of the storage account, machines of members and scale sets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, BinaryIO

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.core.rest import HttpRequest
from azure.storage.blob import BlobClient, ContainerClient

from providers.azure.credentials import CredentialError, deployer_credential
from providers.azure.names import (
    COPIES_CONTAINER,
    Names,
    container_name,
    scale_set_name,
    status_container_name,
)
from providers.azure.wait_clients import management_client
from providers.cloud.machine_config import POOLS, STATUS
from providers.cloud.polling import WaitError
from providers.cloud.requests import CloudFailure, CloudMachines, CopyStore, Place, RequestStore
from topology.model import Member

if TYPE_CHECKING:
    from azure.mgmt.compute import ComputeManagementClient

    from settings.cluster import Settings

_SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"
_INTERFACES_VERSION = "2018-10-01"
"""The API version of interfaces in scale sets, which newer versions of the network API do not have."""
_ENDING = {"deleting", "deleted"}


class ObjectStore(RequestStore):
    """The blobs in the containers of a cluster, at the URL of its storage account."""

    def __init__(self, url: str, credential: TokenCredential, ca_file: str | None) -> None:
        self._url, self._credential = url.rstrip("/"), credential
        self._options: dict[str, Any] = {"connection_verify": ca_file} if ca_file else {}
        self._containers: dict[str, ContainerClient] = {}

    def create(self, key: str, text: str) -> bool:
        """Create a blob. Return false when the blob exists."""
        with _as_failure():
            try:
                self._container(key).upload_blob(key, text.encode(), overwrite=False)
            except ResourceExistsError:
                return False
            return True

    def write(self, key: str, source: BinaryIO) -> None:
        """Write a blob."""
        with _as_failure():
            self._container(key).upload_blob(key, source, overwrite=True)

    def read(self, key: str) -> str | None:
        """Return the text of a blob; None for a missing blob."""
        with _as_failure():
            try:
                return self._container(key).download_blob(key).readall().decode(errors="replace")
            except ResourceNotFoundError:
                return None

    def download(self, key: str, target: BinaryIO) -> int:
        """Write the content of a blob to a file. Return its size in bytes; 0 for a missing blob."""
        with _as_failure():
            try:
                return self._container(key).download_blob(key).readinto(target)
            except ResourceNotFoundError:
                return 0

    def remove(self, *keys: str) -> None:
        """Delete blobs. Azure keeps their versions for the retention time of the account."""
        with _as_failure():
            for key in keys:
                try:
                    self._container(key).delete_blob(key)
                except ResourceNotFoundError:
                    continue

    def _container(self, key: str) -> ContainerClient:
        name = container_of(key)
        if name not in self._containers:
            self._containers[name] = ContainerClient.from_container_url(
                f"{self._url}/{name}", credential=self._credential, **self._options
            )
        return self._containers[name]


class CopyObjects(CopyStore):
    """The blobs in the container for copies of snapshots, at its URL."""

    def __init__(self, url: str, credential: TokenCredential, ca_file: str | None) -> None:
        options: dict[str, Any] = {"connection_verify": ca_file} if ca_file else {}
        self._container = ContainerClient.from_container_url(url, credential=credential, **options)

    def sizes(self) -> dict[str, int]:
        """Return the sizes of all blobs by their names."""
        with _as_failure():
            return {blob.name: blob.size or 0 for blob in self._container.list_blobs()}

    def download(self, name: str, target: BinaryIO) -> int:
        """Write the content of a blob to a file. Return its size in bytes; 0 for a missing blob."""
        with _as_failure():
            try:
                return self._container.download_blob(name).readinto(target)
            except ResourceNotFoundError:
                return 0


def container_of(key: str) -> str:
    """Return the container of a key: each identity reads one container, and writes statuses to another."""
    status = key.startswith(f"{STATUS}/")
    words = key.removeprefix(f"{STATUS}/").split("/")
    kind, name = (POOLS, words[1]) if words[0] == POOLS else ("/".join(words[:2]), words[2])
    return status_container_name(kind, name) if status else container_name(kind, name)


class GroupMachines(CloudMachines):
    """The machines of members, and of the scale sets of pools in `zones` zones."""

    def __init__(
        self, store: RequestStore, compute: ComputeManagementClient, names: Names, zones: int
    ) -> None:
        self._store, self._compute, self._names, self._zones = store, compute, names, zones

    @property
    def store(self) -> RequestStore:
        """The store of the cluster."""
        return self._store

    def nodes(self, pool: str) -> tuple[Member, ...]:
        """Return the machines of a pool that Azure does not delete, sorted by name."""
        with _as_failure():
            members = [
                Member(name, addresses[identity])
                for scale_set in self._scale_sets(pool)
                for addresses in [self._addresses(scale_set)]
                for name, identity in self._machines_of(scale_set).items()
                if identity in addresses
            ]
        return tuple(sorted(members, key=lambda member: member.name))

    def replace(self, place: Place) -> bool:
        """Give a machine of a scale set a new system disk, from which it boots as a new machine.

        The machine keeps its name. Raise CloudFailure for a member, which the engine replaces.
        """
        if place.kind != POOLS:
            raise CloudFailure(
                "on Azure the engine replaces members: run `kubewright pulumi -- state taint URN` with the "
                f"URN of {place.name}-machine, then `kubewright up` (docs/azure.md)"
            )
        with _as_failure():
            group = self._names.resource_group
            self._compute.virtual_machine_scale_set_vms.begin_reimage(group, *self._instance(place))
        return True

    def console(self, place: Place) -> str:
        """Return the serial console log of the boot diagnostics of a machine; empty without diagnostics."""
        group = self._names.resource_group
        with _as_failure():
            if place.kind == POOLS:
                machines = self._compute.virtual_machine_scale_set_vms
                data = machines.retrieve_boot_diagnostics_data(group, *self._instance(place))
            else:
                data = self._compute.virtual_machines.retrieve_boot_diagnostics_data(group, place.name)
            url = data.serial_console_log_blob_uri
            return (
                BlobClient.from_blob_url(url).download_blob().readall().decode(errors="replace")
                if url
                else ""
            )

    def _scale_sets(self, pool: str) -> list[str]:
        return [scale_set_name(pool, zone) for zone in range(self._zones)]

    def _machines_of(self, scale_set: str) -> dict[str, str]:
        """Return the ids of the machines of a scale set in lower case, by host name."""
        listed: Any = self._compute.virtual_machine_scale_set_vms.list(self._names.resource_group, scale_set)
        try:
            machines = list(listed)
        except ResourceNotFoundError:
            return {}  # a small pool has no machines in this zone
        return {
            machine.properties.os_profile.computer_name.lower(): machine.id.lower()
            for machine in machines
            if str(machine.properties.provisioning_state).lower() not in _ENDING
        }

    def _instance(self, place: Place) -> tuple[str, str]:
        """Return the scale set and the number of a machine."""
        for scale_set in self._scale_sets(place.name):
            if identity := self._machines_of(scale_set).get(place.node):
                return scale_set, identity.rpartition("/")[2]
        raise CloudFailure(f"no scale set of pool {place.name} has the machine {place.node}")

    def _addresses(self, scale_set: str) -> dict[str, IPv4Address]:
        """Return the addresses of the machines of a scale set, by the ids of the machines in lower case."""
        url = f"{self._names.id(_SCALE_SET, scale_set)}/networkInterfaces?api-version={_INTERFACES_VERSION}"
        addresses: dict[str, IPv4Address] = {}
        while url:
            response = self._compute.send_request(HttpRequest("GET", url))
            if response.status_code == 404:
                break
            response.raise_for_status()
            page = response.json()
            for interface in page["value"]:
                properties = interface["properties"]
                for configuration in properties["ipConfigurations"]:
                    address = IPv4Address(configuration["properties"]["privateIPAddress"])
                    addresses.setdefault(properties["virtualMachine"]["id"].lower(), address)
            url = page.get("nextLink", "")
        return addresses


def open_machines(settings: Settings, variables: Mapping[str, str]) -> CloudMachines:
    """Return the machines of the cluster with these settings. `variables` are those of an emulated account.

    Raise CloudFailure without credentials.
    """
    azure = settings.azure
    assert azure is not None
    assert settings.name is not None
    names = Names(
        cluster=settings.name, subscription=azure.subscription, location=azure.location, cloud=azure.cloud
    )
    environment, ca_file = names.environment, azure.endpoints.ca_file
    credential = _credential(names, variables)
    management = azure.endpoints.management
    url = azure.endpoints.blob or f"https://{names.storage_account}.blob.{environment.storage}"
    compute = management_client(
        management or environment.management,
        credential,
        names.subscription,
        ca_file if management else None,
        f"{environment.management}/.default",
    )
    store = ObjectStore(url, credential, ca_file if azure.endpoints.blob else None)
    return GroupMachines(store, compute, names, len(azure.zones))


def open_copies(settings: Settings, variables: Mapping[str, str]) -> CopyStore:
    """Return the copies of snapshots of the cluster with these settings, which must configure copies.

    The location of the cluster is not needed. Raise CloudFailure without credentials.
    """
    azure = settings.azure
    assert azure is not None
    assert azure.snapshot_copies is not None
    assert settings.name is not None
    names = Names(
        cluster=settings.name, subscription=azure.subscription, location=azure.location, cloud=azure.cloud
    )
    account = names.copies_account(azure.snapshot_copies.location)
    url = azure.endpoints.copies or f"https://{account}.blob.{names.environment.storage}"
    ca_file = azure.endpoints.ca_file if azure.endpoints.copies else None
    return CopyObjects(f"{url.rstrip('/')}/{COPIES_CONTAINER}", _credential(names, variables), ca_file)


def _credential(names: Names, variables: Mapping[str, str]) -> TokenCredential:
    # azure-identity reads the variables of managed identities from the environment.
    os.environ.update(variables)
    with _as_failure():
        return deployer_credential(os.environ, names.environment.login)


@contextmanager
def _as_failure() -> Iterator[None]:
    """Raise CloudFailure for the errors of Azure's libraries."""
    try:
        yield
    except (AzureError, CredentialError, WaitError) as error:
        raise CloudFailure(" ".join(str(error).split())) from None
