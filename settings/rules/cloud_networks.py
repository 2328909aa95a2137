"""Rules about the virtual network of a cloud: its range, zones and subnets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from settings.aws import AwsSettings
from settings.clouds import SubnetSettings
from settings.cluster import CLOUD_SECTIONS, Settings
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from topology.model import Backend
from topology.network import find_overlaps
from topology.subnets import FIRST_ETCD_MEMBER, MAX_MEMBERS, MAX_PREFIX, MAX_ZONES, usable_addresses

_LARGEST = {"aws": 16, "azure": 8}
_MEMBERS_END = FIRST_ETCD_MEMBER + MAX_MEMBERS + 1  # number of addresses a subnet of members needs


@rule(needs_valid=(*CLOUD_SECTIONS,))
def range_has_valid_size(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a range that the cloud supports and that is large enough for the zones."""
    cloud, section = rule_input.settings.cloud, rule_input.settings.cloud_name
    if cloud is None:
        return
    length, path, value = cloud.range.prefixlen, f"{section}.network.range", f'"{cloud.range}"'
    if length < _LARGEST[section]:
        yield Problem(path, value, f"larger than the /{_LARGEST[section]} that a network may be")
    if length > MAX_PREFIX and not _has_own_subnets(rule_input.settings):
        yield Problem(
            path,
            value,
            f"a /{length} split for {MAX_ZONES} zones leaves subnets of a /{length + 6}; clouds make no "
            f"less than a /28; allowed: a /{MAX_PREFIX} or larger",
        )


@rule(needs_valid=(*CLOUD_SECTIONS,), needs=("control_planes.hosts", "etcd.hosts"))
def zones_keep_etcd_quorum(rule_input: RuleInput) -> Iterator[Problem]:
    """Require three zones for several etcd members: with two zones, the loss of a zone can break the quorum.

    Also require different zones, and on AWS zones of `aws.region`.
    """
    settings = rule_input.settings
    cloud, section = settings.cloud, settings.cloud_name
    if cloud is None:
        return
    count, path = cloud.zone_count, f"{section}.zones"
    if not 1 <= count <= MAX_ZONES:
        yield Problem(path, str(count), f"allowed: 1 to {MAX_ZONES}")
    elif count < 3 <= len(settings.etcd_hosts):
        yield Problem(
            path,
            str(count),
            f"{len(settings.etcd_hosts)} members of etcd in {count} zones: a lost zone could take "
            "their quorum; name three zones",
        )
    names = settings.aws.zones if settings.aws else settings.azure.zones if settings.azure else ()
    if isinstance(names, int):
        return
    for position, name in enumerate(names):
        if name in names[:position]:
            yield Problem(f"{path}[{position}]", f'"{name}"', "named twice")
        if settings.aws and name[:-1] != settings.aws.region:
            yield Problem(
                f"{path}[{position}]", f'"{name}"', f"not a zone of aws.region, {settings.aws.region}"
            )


@rule(needs_valid=("aws",))
def existing_vpc_has_subnets(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a private subnet for each zone of an existing VPC, and public subnets for a public endpoint."""
    aws = rule_input.settings.aws
    if aws is None:
        return
    network = aws.network
    if not network.vpc:
        for key in ("private", "public"):
            if getattr(network, key):
                yield Problem(
                    f"aws.network.{key}", "", "goes with an existing vpc; add its id, or leave this out"
                )
        return
    if isinstance(aws.zones, int):
        yield Problem("aws.zones", str(aws.zones), "with an existing vpc name the zones of its subnets")
        return
    yield from _subnets_of(aws, aws.zones, "private", network.private)
    if aws.endpoint.public or network.public:
        yield from _subnets_of(aws, aws.zones, "public", network.public)


@rule(needs_valid=("azure",))
def existing_network_has_subnets(rule_input: RuleInput) -> Iterator[Problem]:
    """Require two subnets in an existing virtual network, inside its range and without overlap."""
    azure = rule_input.settings.azure
    if azure is None:
        return
    network = azure.network
    if (network.id is None) != (network.subnets is None):
        missing = "id" if network.id is None else "subnets"
        yield Problem(
            f"azure.network.{missing}", "", "missing; id and subnets of an existing network go together"
        )
    if network.subnets:
        subnets = {"members": network.subnets.members, "pools": network.subnets.pools}
        yield from _inside(azure.range, "azure.network.subnets", subnets)


@rule(needs_valid=(*CLOUD_SECTIONS, "pools", "control_planes", "etcd"))
def subnets_hold_all_machines(rule_input: RuleInput) -> Iterator[Problem]:
    """Require subnets with addresses for all machines, including the additional machines of updates."""
    settings = rule_input.settings
    cloud, section = settings.cloud, settings.cloud_name
    if cloud is None or not _can_be_split(settings):
        return
    for subnet in dict.fromkeys(cloud.member_ranges):
        if subnet.num_addresses <= _MEMBERS_END:
            yield Problem(
                f"{section}.network",
                f'"{subnet}"',
                f"members have addresses up to number {_MEMBERS_END - 1} of a subnet; needs a /27 or larger",
            )
    pools = settings.pools.values()
    wanted = sum(pool.max_nodes + min(pool.max_unavailable, pool.max_nodes) for pool in pools)
    if settings.aws:
        wanted += len(set(cloud.member_ranges)) * _MEMBERS_END
    room = sum(usable_addresses(subnet) for subnet in dict.fromkeys(cloud.pool_ranges))
    if wanted > room:
        yield Problem(
            f"{section}.network.range",
            f'"{cloud.range}"',
            f"its subnets have {room:,} addresses for machines; {wanted:,} may be asked for, replacements "
            "included; use a larger range or smaller pools",
        )


@rule(needs_valid=(*CLOUD_SECTIONS,), needs=("network.backend",))
def backend_works_in_clouds(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse host-gw in clouds, because clouds drop packets with pod addresses."""
    settings = rule_input.settings
    if settings.cloud and settings.network.backend is Backend.HOST_GW:
        yield Problem(
            "network.backend",
            '"host-gw"',
            "needs all nodes in one subnet, and machines that may send others' addresses (AWS: "
            "source/destination check off, Azure: routes); in a cloud allowed: vxlan",
        )


def _subnets_of(
    aws: AwsSettings, zones: tuple[str, ...], key: str, subnets: Mapping[str, SubnetSettings]
) -> Iterator[Problem]:
    path = f"aws.network.{key}"
    for zone in zones:
        if zone not in subnets:
            yield Problem(
                path, "", f"has no subnet for zone {zone}; add it, or take the zone out of aws.zones"
            )
    for zone in subnets:
        if zone not in zones:
            yield Problem(path, "", f"zone {zone} is not in aws.zones; add it there, or leave its subnet out")
    yield from _inside(aws.range, path, subnets)


def _inside(network: IPv4Network, path: str, subnets: Mapping[str, SubnetSettings]) -> Iterator[Problem]:
    for name, subnet in subnets.items():
        if not subnet.range.subnet_of(network):
            yield Problem(
                f"{path}.{name}.range", f'"{subnet.range}"', f"not inside the network's range, {network}"
            )
    for shared in find_overlaps([(name, subnet.range) for name, subnet in subnets.items()]):
        yield Problem(f"{path}.{shared.right}.range", "", f"overlaps the subnet of {shared.left}")


def _has_own_subnets(settings: Settings) -> bool:
    return bool(settings.aws and settings.aws.network.vpc) or bool(
        settings.azure and settings.azure.network.subnets
    )


def _can_be_split(settings: Settings) -> bool:
    """Return whether the subnets can be calculated. If not, another rule reports the reason."""
    try:
        return bool(settings.cloud and settings.cloud.member_ranges and settings.cloud.pool_ranges)
    except (ValueError, KeyError):
        return False
