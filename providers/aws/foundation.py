"""What a cluster's machines stand in: network, security groups, endpoint, store, identities, image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi_aws as aws
from pulumi import Input, InvokeOptions, Output, Resource, ResourceOptions, RunError

from providers.aws.endpoint import Endpoint, EndpointArgs
from providers.aws.firewall import BALANCER, Firewall, FirewallArgs
from providers.aws.identity import Identities, IdentityArgs
from providers.aws.image import Image, image
from providers.aws.members import snapshots
from providers.aws.names import Names, prefixes
from providers.aws.network import Network, NetworkArgs, NetworkReference
from providers.aws.store import Store, StoreArgs
from settings.aws import AwsNetworkSettings, AwsSettings
from topology.model import Topology
from topology.subnets import split_into_zones


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """All of it. `zones` are names by number; `way` is what leads out of the network, where it is ours."""

    names: Names
    plugin: aws.Provider
    zones: list[Input[str]]
    image: Image
    place: NetworkReference
    way: list[Resource]
    firewall: Firewall
    endpoint: Endpoint
    store: Store
    identity: Identities

    @property
    def ready(self) -> list[Resource]:
        """What must be there before any machine boots; its own identity comes beside."""
        return [*self.way, self.firewall, self.endpoint]


def foundation(cloud: AwsSettings, topology: Topology) -> Foundation:
    """Makes it, in the settings' region."""
    names = Names(cluster=topology.name, region=cloud.region, tags=cloud.tags)
    plugin = _connection(cloud)
    under = ResourceOptions(providers=[plugin])
    account = aws.get_caller_identity_output(opts=InvokeOptions(provider=plugin)).account_id
    zones = _zones(cloud, plugin)
    place, way = _network(cloud, names, account, zones, under)
    firewall = Firewall("aws-firewall", FirewallArgs(names=names, topology=topology, place=place), under)
    store = Store("aws-store", StoreArgs(names=names, account=account), under)
    identity = Identities(
        "aws-identity",
        IdentityArgs(
            names=names,
            account=account,
            bucket=store.bucket,
            key=store.key,
            prefixes=prefixes(topology),
            addons=cloud.addons,
        ),
        under,
    )
    snapshots("aws-snapshots", names, identity.snapshots, cloud.snapshots, ResourceOptions(provider=plugin))
    return Foundation(
        names=names,
        plugin=plugin,
        zones=zones,
        image=image(cloud.image, plugin),
        place=place,
        way=way,
        firewall=firewall,
        endpoint=_endpoint(cloud, topology, names, place, firewall, under),
        store=store,
        identity=identity,
    )


def _network(
    cloud: AwsSettings,
    names: Names,
    account: Output[str],
    zones: list[Input[str]],
    under: ResourceOptions,
) -> tuple[NetworkReference, list[Resource]]:
    plan = cloud.network
    if plan.vpc:
        return _existing(plan, plan.vpc, cloud.zones), []
    network = Network(
        "aws-network",
        NetworkArgs(
            names=names,
            account=account,
            range=str(plan.range),
            zones=zones,
            subnets=split_into_zones(plan.range, cloud.zone_count),
            nat_per_zone=plan.nat == "per-zone",
            flow_logs=plan.flow_logs,
        ),
        under,
    )
    return network.place, [network]


def _existing(plan: AwsNetworkSettings, vpc: str, zones: int | tuple[str, ...]) -> NetworkReference:
    named = tuple(plan.private) if isinstance(zones, int) else zones
    return NetworkReference(
        vpc=vpc,
        public=[plan.public[zone].id for zone in named if zone in plan.public],
        private=[plan.private[zone].id for zone in named],
    )


def _endpoint(
    cloud: AwsSettings,
    topology: Topology,
    names: Names,
    place: NetworkReference,
    firewall: Firewall,
    under: ResourceOptions,
) -> Endpoint:
    args = EndpointArgs(
        names=names,
        place=place,
        host=topology.endpoint.host,
        port=topology.endpoint.port,
        public=cloud.endpoint.public,
        hosted_zone=cloud.endpoint.zone,
        members={member.name: str(member.address) for member in topology.control_planes},
        group=firewall[BALANCER],
    )
    return Endpoint("aws-endpoint", args, under)


def _connection(cloud: AwsSettings) -> aws.Provider:
    """The plugin's connection: the deployer's own credentials, in this region."""
    own = {
        "s3": cloud.endpoints.s3,
        "ec2": cloud.endpoints.ec2,
        "autoscaling": cloud.endpoints.autoscaling,
    }
    given = {service: url for service, url in own.items() if url}
    return aws.Provider(
        "aws",
        region=cloud.region,
        endpoints=[aws.ProviderEndpointArgs(**given)] if given else None,
        custom_ca_bundle=cloud.endpoints.ca_file,
    )


def _zones(cloud: AwsSettings, provider: aws.Provider) -> list[Input[str]]:
    """The zones' names: given, or the first that the region has without asking for them."""
    if not isinstance(cloud.zones, int):
        return list(cloud.zones)
    found = aws.get_availability_zones_output(
        state="available",
        filters=[aws.GetAvailabilityZonesFilterArgs(name="opt-in-status", values=["opt-in-not-required"])],
        opts=InvokeOptions(provider=provider),
    )
    first: Output[list[str]] = found.names.apply(
        lambda names: first_zones(names, cloud.zone_count, cloud.region)
    )
    return [first[number] for number in range(cloud.zone_count)]


def first_zones(names: Sequence[str], count: int, region: str) -> list[str]:
    """That many of the region's zones. Raises RunError where it has fewer."""
    if len(names) < count:
        raise RunError(
            f"aws.zones: {count}: {region} has {len(names)} ({', '.join(names)}); ask for fewer, or name them"
        )
    return list(names[:count])
