"""The foundation of a cluster on AWS: network, security groups, endpoint, store, identities and image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import Input, Output, Resource, ResourceOptions, RunError

from components.scope import Scope
from providers.aws.connection import Connection, connect, connect_copies
from providers.aws.disk_key import grant_disk_key
from providers.aws.endpoint import Endpoint, EndpointArgs
from providers.aws.existing_network import existing_network
from providers.aws.file_storage import FileStorage, create_file_storage
from providers.aws.firewall import LOAD_BALANCER, Firewall, FirewallArgs
from providers.aws.identity import CopyTarget, Identities, IdentityArgs
from providers.aws.image import Image, find_images
from providers.aws.names import Names, store_prefixes
from providers.aws.network import Network, NetworkArgs, NetworkReference
from providers.aws.snapshot_copies import SnapshotCopies, SnapshotCopyArgs
from providers.aws.snapshots import SnapshotArgs, create_snapshot_policy
from providers.aws.store import Store, StoreArgs
from providers.cloud.artifacts import StoredFile
from providers.cloud.gate import NO_OPERATION, command_line, create_gate
from providers.cloud.machine_config import etcd_kind
from settings.aws import AwsSettings
from topology.environments import PRODUCTION
from topology.model import Topology
from topology.subnets import split_into_zones

_LEFTOVERS = f"{__package__}.leftovers"


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """The foundation of a cluster on AWS: resources that all machines share and that exist before any
    machine.

    `account` is the account number. `zones` are the names of availability zones. The position of a name is
    the number of the zone, from 0. `images` are the machine images by architecture.
    """

    names: Names
    account: Output[str]
    connection: Connection
    zones: Sequence[Input[str]]
    images: Mapping[str, Image]
    network: NetworkReference
    firewall: Firewall
    endpoint: Endpoint
    store: Store
    identities: Identities
    copies: SnapshotCopies | None
    leftovers: Resource
    grants: Sequence[Resource]
    file_storage: FileStorage | None

    @property
    def machine_dependencies(self) -> list[Resource]:
        """The resources that every machine waits for, except for the IAM role and store objects of the
        machine.
        """
        own = [self.firewall, self.endpoint, self.leftovers, *self.grants, *self.store.artifacts]
        if self.copies is not None:
            own += self.copies.protections
        return [*self.network.machine_dependencies, *own]


def create_foundation(
    settings: AwsSettings, topology: Topology, files: Sequence[StoredFile], scope: Scope
) -> Foundation:
    """Create the foundation (network, firewall, endpoint, store, identities) in the region of a cluster.

    `files` are the files that machines fetch from the store.
    """
    names = _names(settings, topology)
    connection = connect(settings, scope)
    options = scope.options(connection.options)
    account = aws.get_caller_identity_output(opts=connection.invoke).account_id
    zones = _select_zones(settings, connection)
    network = existing_network(settings, names, scope.name("aws-network"), options) or _new_network(
        settings, names, account, zones, scope.name("aws-network"), options
    )
    firewall = Firewall(
        scope.name("aws-firewall"), FirewallArgs(names=names, topology=topology, network=network), options
    )
    store = _create_store(settings, names, account, files, scope.name("aws-store"), options)
    copies = _create_copies(settings, topology, names, account, scope)
    files_name = scope.name("aws-files")
    file_storage = create_file_storage(settings, topology, names, account, network, files_name, options)
    identity_args = _identity_args(settings, topology, names, account, store, copies, file_storage)
    identities = Identities(scope.name("aws-identity"), identity_args, options)
    grants = grant_disk_key(scope.name("aws-disk-key-grant"), settings.disk_key, names, account, options)
    create_snapshot_policy(
        scope.name("aws-snapshots"),
        SnapshotArgs(names=names, role=identities.snapshot_role, settings=settings.snapshots),
        scope.options(ResourceOptions(provider=connection.plugin)),
    )
    return Foundation(
        names=names,
        account=account,
        connection=connection,
        zones=zones,
        images=find_images(settings, connection.plugin),
        network=network,
        firewall=firewall,
        endpoint=_create_endpoint(
            settings, topology, names, network, firewall, scope.name("aws-endpoint"), options
        ),
        store=store,
        identities=identities,
        copies=copies,
        leftovers=_create_leftovers(settings, topology, (network, firewall), scope),
        grants=grants,
        file_storage=file_storage,
    )


def _names(settings: AwsSettings, topology: Topology) -> Names:
    return Names(
        cluster=topology.name,
        region=settings.region,
        tags=settings.tags,
        boundary=settings.permissions_boundary,
    )


def _new_network(
    settings: AwsSettings,
    names: Names,
    account: Output[str],
    zones: Sequence[Input[str]],
    name: str,
    options: ResourceOptions,
) -> NetworkReference:
    network = settings.network
    args = NetworkArgs(
        names=names,
        account=account,
        range=str(network.range),
        zones=zones,
        subnets=split_into_zones(network.range, settings.zone_count),
        nat_per_zone=network.nat == "per-zone",
        flow_logs=network.flow_logs,
    )
    return Network(name, args, options).reference


def _create_endpoint(
    settings: AwsSettings,
    topology: Topology,
    names: Names,
    network: NetworkReference,
    firewall: Firewall,
    name: str,
    options: ResourceOptions,
) -> Endpoint:
    args = EndpointArgs(
        names=names,
        network=network,
        host=topology.endpoint.host,
        port=topology.endpoint.port,
        public=settings.endpoint.public,
        hosted_zone=settings.endpoint.zone,
        members={member.name: str(member.address) for member in topology.control_planes},
        group=firewall[LOAD_BALANCER],
    )
    return Endpoint(name, args, options)


def _create_store(
    settings: AwsSettings,
    names: Names,
    account: Output[str],
    files: Sequence[StoredFile],
    name: str,
    options: ResourceOptions,
) -> Store:
    args = StoreArgs(
        names=names,
        account=account,
        files=files,
        s3=settings.endpoints.s3,
        ca_file=settings.endpoints.ca_file,
    )
    return Store(name, args, options)


def _create_leftovers(
    settings: AwsSettings,
    topology: Topology,
    parts: tuple[NetworkReference, Firewall],
    scope: Scope,
) -> Resource:
    """Create the command that deletes what controllers created: after the machines, before the network."""
    network, firewall = parts
    volumes = settings.delete_volumes
    if volumes is None:
        volumes = topology.environment != PRODUCTION
    arguments = ["--region", settings.region, "--cluster", topology.name, *(["--volumes"] if volumes else [])]
    arguments += ["--ec2", settings.endpoints.ec2] if settings.endpoints.ec2 else []
    arguments += ["--ca-file", settings.endpoints.ca_file] if settings.endpoints.ca_file else []
    return create_gate(
        scope.name("aws-leftovers"),
        NO_OPERATION,
        scope.options(ResourceOptions(depends_on=[*network.machine_dependencies, firewall])),
        delete=command_line(_LEFTOVERS, *arguments),
    )


def _create_copies(
    settings: AwsSettings, topology: Topology, names: Names, account: Output[str], scope: Scope
) -> SnapshotCopies | None:
    """Create the bucket for copies of snapshots in another region, if the settings request it."""
    copies = settings.snapshot_copies
    if copies is None:
        return None
    connection = connect_copies(settings, copies.region, scope)
    args = SnapshotCopyArgs(
        names=names, account=account, settings=copies, protect=topology.environment == PRODUCTION
    )
    return SnapshotCopies(scope.name("aws-snapshot-copies"), args, scope.options(connection.options))


def _identity_args(
    settings: AwsSettings,
    topology: Topology,
    names: Names,
    account: Output[str],
    store: Store,
    copies: SnapshotCopies | None,
    file_storage: FileStorage | None,
) -> IdentityArgs:
    region = settings.snapshot_copies.region if settings.snapshot_copies else ""
    return IdentityArgs(
        names=names,
        account=account,
        bucket=store.bucket,
        key=store.key,
        prefixes=store_prefixes(topology),
        addons=settings.addons,
        disk_key=settings.disk_key,
        registries=settings.image_registries,
        artifacts=bool(store.artifacts),
        copies=CopyTarget(bucket=copies.bucket, key=copies.key, region=region) if copies else None,
        copying=etcd_kind(topology),
        file_system=file_storage.arn if file_storage else None,
    )


def _select_zones(settings: AwsSettings, connection: Connection) -> list[Input[str]]:
    """Return the zones of the settings, or the first zones of the region that need no opt-in."""
    if not isinstance(settings.zones, int):
        return list(settings.zones)
    zones = aws.get_availability_zones_output(
        state="available",
        filters=[aws.GetAvailabilityZonesFilterArgs(name="opt-in-status", values=["opt-in-not-required"])],
        opts=connection.invoke,
    )
    first: Output[list[str]] = zones.names.apply(
        lambda names: first_zones(names, settings.zone_count, settings.region)
    )
    return [first[number] for number in range(settings.zone_count)]


def first_zones(names: Sequence[str], count: int, region: str) -> list[str]:
    """Return the first `count` zones of a region. Raise RunError when the region has fewer zones."""
    if len(names) < count:
        raise RunError(
            f"aws.zones: {count}: {region} has only {len(names)} zones ({', '.join(names)}); "
            "request fewer, or name the zones"
        )
    return list(names[:count])
