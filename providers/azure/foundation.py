"""The foundation of a cluster on Azure: network, security groups, endpoint, store, identities and image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_tls as tls
from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_azure_native.compute import ImageReferenceArgs

from components.scope import Scope
from providers.azure.boot import BootPrograms
from providers.azure.connection import Connection, connect
from providers.azure.endpoint import Endpoint, EndpointArgs
from providers.azure.file_storage import FileStorage, create_file_storage
from providers.azure.firewall import Firewall, FirewallArgs, rules_by_group
from providers.azure.identity import CopyTarget, Identities, IdentityArgs
from providers.azure.image import find_images
from providers.azure.names import JOINS_CONTAINER, Names, container_name, identity_containers
from providers.azure.network import Network, NetworkArgs, NetworkReference, existing_network
from providers.azure.snapshot_copies import SnapshotCopies, SnapshotCopyArgs
from providers.azure.store import Store, StoreArgs
from providers.cloud.artifacts import PREFIX, StoredFile
from providers.cloud.machine_config import CONTROL_PLANES, POOLS, config_names, etcd_kind
from settings.azure import AzureSettings
from topology.environments import PRODUCTION
from topology.model import Topology


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """The foundation of a cluster on Azure: resources that all machines share and that exist before any
    machine.

    `images` are the machine images by architecture. `ssh_key` is the public key of all machines.
    """

    names: Names
    connection: Connection
    images: Mapping[str, ImageReferenceArgs]
    network: NetworkReference
    firewall: Firewall
    endpoint: Endpoint
    store: Store
    identities: Identities
    file_storage: FileStorage | None
    ssh_key: Input[str]

    @property
    def machine_dependencies(self) -> list[Resource]:
        """The resources that every machine waits for, except for the store objects of the machine."""
        own = [self.firewall, self.identities, self.endpoint, *self.store.artifacts]
        return [*self.network.machine_dependencies, *own]


def create_foundation(
    settings: AzureSettings,
    topology: Topology,
    boot: BootPrograms,
    files: Sequence[StoredFile],
    scope: Scope,
) -> Foundation:
    """Create the foundation (network, firewall, endpoint, store, identities) in the location of a cluster.

    `boot` has the names of the cluster and the URL of its store. `files` are the files that machines fetch
    from the store.
    """
    names = boot.names
    connection = connect(names, scope)
    options = scope.options(connection.options)
    network = existing_network(settings) or _new_network(
        settings, names, scope.name("azure-network"), options
    )
    firewall = Firewall(
        scope.name("azure-firewall"),
        FirewallArgs(names=names, rules_by_group=rules_by_group(topology)),
        options,
    )
    endpoint = _create_endpoint(settings, topology, names, network, scope.name("azure-endpoint"), options)
    store = _create_store(settings, topology, boot, files, network, scope.name("azure-store"), options)
    copies = _create_copies(settings, topology, names, scope.name("azure-snapshot-copies"), options)
    file_storage = create_file_storage(settings, topology, names, network, scope.name("azure-files"), options)
    identities = _create_identities(
        settings,
        topology,
        names,
        store,
        copies,
        file_storage,
        scope.name("azure-identity"),
        options,
    )
    return Foundation(
        names=names,
        connection=connection,
        images=find_images(settings),
        network=network,
        firewall=firewall,
        endpoint=endpoint,
        store=store,
        identities=identities,
        file_storage=file_storage,
        ssh_key=settings.ssh_key or _unused_key(scope),
    )


def _new_network(
    settings: AzureSettings, names: Names, name: str, options: ResourceOptions
) -> NetworkReference:
    args = NetworkArgs(
        names=names,
        range=settings.range,
        members=settings.member_ranges[0],
        pools=settings.pool_ranges[0],
        nat=settings.network.nat,
    )
    return Network(name, args, options).reference


def _create_endpoint(
    settings: AzureSettings,
    topology: Topology,
    names: Names,
    network: NetworkReference,
    name: str,
    options: ResourceOptions,
) -> Endpoint:
    args = EndpointArgs(
        names=names,
        network=network,
        host=topology.endpoint.host,
        port=topology.endpoint.port,
        zones=settings.zones,
        public=settings.endpoint.public,
        label=settings.endpoint.label,
    )
    return Endpoint(name, args, options)


def _create_store(
    settings: AzureSettings,
    topology: Topology,
    boot: BootPrograms,
    files: Sequence[StoredFile],
    network: NetworkReference,
    name: str,
    options: ResourceOptions,
) -> Store:
    args = StoreArgs(
        names=boot.names,
        containers=[
            *(name for pair in identity_containers(topology).values() for name in pair),
            JOINS_CONTAINER,
        ],
        network=network,
        allowed_networks=topology.network.api_allowed,
        private=settings.private_store,
        url=boot.store_url,
        ca_file=settings.endpoints.ca_file,
        files=files,
    )
    return Store(name, args, options)


def _create_copies(
    settings: AzureSettings, topology: Topology, names: Names, name: str, options: ResourceOptions
) -> CopyTarget | None:
    """Create the container for copies of snapshots in another location, if the settings request it."""
    if settings.snapshot_copies is None:
        return None
    args = SnapshotCopyArgs(
        names=names, settings=settings.snapshot_copies, protect=topology.environment == PRODUCTION
    )
    copies = SnapshotCopies(name, args, options)
    return CopyTarget(container=copies.container, group=copies.group)


def _create_identities(
    settings: AzureSettings,
    topology: Topology,
    names: Names,
    store: Store,
    copies: CopyTarget | None,
    files: FileStorage | None,
    name: str,
    options: ResourceOptions,
) -> Identities:
    pools = [container_name(kind, unit) for kind, unit in config_names(topology) if kind == POOLS]
    args = IdentityArgs(
        names=names,
        containers=identity_containers(topology),
        container_ids=store.container_ids,
        controller_identities=[container_name(CONTROL_PLANES, "")],
        pool_identities=pools,
        joins_container=store.container_ids[JOINS_CONTAINER],
        addons=settings.addons,
        external_networks=[settings.network.id] if settings.network.id else [],
        files_container=store.container_ids.get(PREFIX),
        disk_key=settings.disk_key,
        copies=copies,
        copying=container_name(etcd_kind(topology), ""),
        files=files,
    )
    return Identities(name, args, options)


def _unused_key(scope: Scope) -> Output[str]:
    """Return a generated public SSH key. Azure requires a key, but the firewall blocks SSH."""
    name = scope.name("azure-machine-key")
    key = tls.PrivateKey(name, algorithm="RSA", rsa_bits=3072, opts=scope.options())
    return key.public_key_openssh
