"""Clients of the program `providers.azure.wait`: statuses in the store, scale sets and machines."""

from __future__ import annotations

from collections.abc import Container, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.core.exceptions import ResourceNotFoundError
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.storage.blob import ContainerClient

from providers.azure.environments import ENVIRONMENTS
from providers.cloud.digests import outdated_keys
from providers.cloud.polling import WaitError, unreported_keys

if TYPE_CHECKING:
    from azure.mgmt.compute import ComputeManagementClient

MANAGEMENT = ENVIRONMENTS["public"].management
_FAILED_CODES = {"Faulted", "Cancelled"}
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class StatusStore:
    """A client for one blob container of the store, at `url`, with objects or statuses of machines."""

    def __init__(self, url: str, credential: TokenCredential, ca_file: str | None) -> None:
        options: dict[str, Any] = {"connection_verify": ca_file} if ca_file else {}
        self._client = ContainerClient.from_container_url(url, credential=credential, **options)

    def unreported_keys(self, keys: Iterable[str], digest: str, since: datetime = _EARLIEST) -> list[str]:
        """Return the keys whose status is missing, not the expected digest, or older than `since`."""
        return unreported_keys(lambda key: self.status(key, since), keys, digest)

    def text(self, key: str) -> str:
        """Return the text of an object; empty for a missing object."""
        return self._read(key, _EARLIEST)

    def delete_statuses_of_others(self, prefix: str, machines: Container[str]) -> None:
        """Delete the statuses `<prefix>/<machine>/<role>` of all machines except `machines`."""
        for key, _ in self._list_objects(f"{prefix}/"):
            if key.removeprefix(f"{prefix}/").partition("/")[0] not in machines:
                self.delete(key)

    def delete_old_objects(self, prefix: str, digest: str) -> None:
        """Delete the objects of published configs that are no longer needed (`digests.outdated_keys`)."""
        for key in outdated_keys(self._list_objects(f"{prefix}/"), prefix, digest):
            self.delete(key)

    def _list_objects(self, prefix: str) -> list[tuple[str, datetime]]:
        blobs = self._client.list_blobs(name_starts_with=prefix)
        return [(blob.name, blob.last_modified or _EARLIEST) for blob in blobs]

    def put(self, key: str, text: str) -> None:
        """Write an object to the container."""
        self._client.upload_blob(key, text.encode(), overwrite=True)

    def delete(self, key: str) -> None:
        """Delete an object from the container; a missing object is no error."""
        with suppress(ResourceNotFoundError):
            self._client.delete_blob(key)

    def status(self, key: str, since: datetime = _EARLIEST) -> str:
        """Return the status under a key; empty when no machine has written it since `since`."""
        return self._read(key, since).strip()

    def _read(self, key: str, since: datetime) -> str:
        try:
            blob = self._client.download_blob(key)
            text = blob.readall().decode()
        except ResourceNotFoundError:
            return ""
        written = blob.properties.last_modified
        return text if written is None or written >= since else ""


@dataclass(frozen=True)
class RollingUpgrade:
    """A rolling upgrade of a scale set.

    `start_time` identifies the upgrade. `successful` is the number of instances that it has changed. `reason`
    is the reason of a failure; empty for an upgrade that has not failed.
    """

    start_time: datetime | None
    successful: int = field(default=0, compare=False)
    reason: str = field(default="", compare=False)


class MachineGroups:
    """A client of the management API at `url`, for scale sets of pools and machines of members, by id.

    `scope` is the scope of its tokens.
    """

    def __init__(
        self,
        url: str,
        credential: TokenCredential,
        ca_file: str | None,
        scope: str = f"{MANAGEMENT}/.default",
    ) -> None:
        self._url, self._credential, self._scope = url.rstrip("/"), credential, scope
        self._ca_file = ca_file
        self._clients: dict[str, ComputeManagementClient] = {}

    def capacity(self, id: str) -> int:
        """Return the desired size of a scale set."""
        scale_set = self._client(id).virtual_machine_scale_sets.get(*_group_and_name(id))
        return int((scale_set.sku.capacity if scale_set.sku else None) or 0)

    def creation_time(self, id: str) -> datetime:
        """Return the creation time of a machine. A replacement keeps the id, but has a new time."""
        machine = self._client(id).virtual_machines.get(*_group_and_name(id))
        if machine.properties is None or machine.properties.time_created is None:
            raise WaitError(f"{id}: Azure returned no creation time; run `up` again")
        return machine.properties.time_created

    def machine_exists(self, id: str) -> bool:
        """Return whether a machine exists."""
        try:
            self._client(id).virtual_machines.get(*_group_and_name(id))
        except ResourceNotFoundError:
            return False
        return True

    def nodes(self, id: str) -> dict[str, bool]:
        """Return, by host name, whether each machine of a scale set has the latest model of the scale set."""
        machines: Iterable[Any] = self._client(id).virtual_machine_scale_set_vms.list(*_group_and_name(id))
        properties = [machine.properties for machine in machines]
        return {
            each.os_profile.computer_name.lower(): each.latest_model_applied is not False
            for each in properties
        }

    def upgrade(self, id: str) -> RollingUpgrade | None:
        """Return the latest rolling upgrade of a scale set; None before the first upgrade."""
        try:
            latest = self._client(id).virtual_machine_scale_set_rolling_upgrades.get_latest(
                *_group_and_name(id)
            )
        except ResourceNotFoundError:
            return None
        properties: Any = latest.properties
        status, numbers = properties.running_status, properties.progress
        failed = status is not None and status.code in _FAILED_CODES
        return RollingUpgrade(
            start_time=status.start_time if status else None,
            successful=(numbers.successful_instance_count or 0) if numbers else 0,
            reason=_failure_reason(properties.error) if failed else "",
        )

    def _client(self, id: str) -> ComputeManagementClient:
        """Return the client for the subscription of a resource."""
        subscription = id.split("/")[2]
        if subscription not in self._clients:
            self._clients[subscription] = management_client(
                self._url, self._credential, subscription, self._ca_file, self._scope
            )
        return self._clients[subscription]


def management_client(
    url: str, credential: TokenCredential, subscription: str, ca_file: str | None, scope: str
) -> ComputeManagementClient:
    """Return a client of the management API at `url` for one subscription. `scope` is the scope of tokens."""
    # Most commands of `wait` need no client, so the SDK is imported here.
    from azure.mgmt.compute import ComputeManagementClient

    options: dict[str, Any] = {"connection_verify": ca_file} if ca_file else {}
    return ComputeManagementClient(
        credential,
        subscription,
        base_url=url.rstrip("/"),
        credential_scopes=[scope],
        per_call_policies=[_SameHostPolicy(url)],
        **options,
    )


class _SameHostPolicy(SansIOHTTPPolicy[HttpRequest, HttpResponse]):
    """Refuse requests to other hosts than that of `url`: a link to a next page must not receive the token."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc

    def on_request(self, request: PipelineRequest[HttpRequest]) -> None:
        """Raise WaitError for a request to another host."""
        if urlsplit(request.http_request.url).netloc != self._host:
            raise WaitError(
                f"a page of {urlsplit(request.http_request.url).path} is at another host than {self._host} "
                "and was not requested"
            )


def _group_and_name(id: str) -> tuple[str, str]:
    """Return resource group and name from the id of a resource:
    `/subscriptions/S/resourceGroups/GROUP/providers/P/TYPE/NAME`.
    """
    words = id.split("/")
    return words[4], words[8]


def _failure_reason(error: Any) -> str:  # noqa: ANN401 - a model of the SDK
    return str(error.message) if error is not None and error.message else "no reason given"
