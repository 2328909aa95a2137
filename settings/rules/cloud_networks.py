"""Rules about the virtual network of a cloud: its range, zones and subnets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from settings.clouds import CloudSettings, SubnetSettings
from settings.cluster import CLOUD_SECTIONS
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from topology.network import find_overlaps
from topology.options import Backend
from topology.subnets import FIRST_ETCD_MEMBER, MAX_MEMBERS, MAX_PREFIX, MAX_ZONES, usable_addresses

_MEMBER_ADDRESSES = FIRST_ETCD_MEMBER + MAX_MEMBERS + 1
"""Number of addresses at the start of a subnet that are reserved for members and load balancers."""


@rule(needs_valid=(*CLOUD_SECTIONS,))
def range_has_valid_size(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a range that the cloud supports and that is large enough for the zones."""
    cloud, section = rule_input.settings.cloud, rule_input.settings.cloud_name
    if cloud is None:
        return
    length, path, value = cloud.range.prefixlen, f"{section}.network.range", f'"{cloud.range}"'
    if length < cloud.MIN_PREFIX:
        yield Problem(
            path, value, f"larger than a /{cloud.MIN_PREFIX}, the cloud's limit; use a smaller range"
        )
    if length > MAX_PREFIX and not cloud.has_existing_subnets:
        yield Problem(
            path,
            value,
            f"too small: a /{length} split for {MAX_ZONES} zones leaves subnets of a /{length + 6}, but "
            f"clouds need at least a /28; allowed: a /{MAX_PREFIX} or larger",
        )


@rule(needs_valid=(*CLOUD_SECTIONS,), needs=("control_planes.hosts", "etcd.hosts"))
def zones_keep_etcd_quorum(rule_input: RuleInput) -> Iterator[Problem]:
    """Require three zones for several etcd members: with two zones, the loss of a zone can break the quorum.

    Also require an allowed number of zones, and refuse a list that contains a zone twice.
    """
    settings = rule_input.settings
    cloud, path = settings.cloud, f"{settings.cloud_name}.zones"
    if cloud is None:
        return
    count = cloud.zone_count
    if not 1 <= count <= MAX_ZONES:
        yield Problem(path, str(count), f"not a number of zones; allowed: 1 to {MAX_ZONES}")
    elif count < 3 <= len(settings.etcd_hosts):
        yield Problem(
            path,
            str(count),
            f"too few for {len(settings.etcd_hosts)} etcd members: the loss of a zone could break their "
            "quorum; name three zones",
        )
    for position, name in enumerate(cloud.zone_names):
        if name in cloud.zone_names[:position]:
            yield Problem(f"{path}[{position}]", f'"{name}"', "named twice in this list; remove one")


@rule(needs_valid=(*CLOUD_SECTIONS, "pools", "control_planes", "etcd"))
def subnets_hold_all_machines(rule_input: RuleInput) -> Iterator[Problem]:
    """Require subnets with addresses for all machines, including the additional machines of updates."""
    settings = rule_input.settings
    cloud, section = settings.cloud, settings.cloud_name
    if cloud is None or not _can_be_split(cloud):
        return
    for subnet in dict.fromkeys(cloud.member_ranges):
        if subnet.num_addresses <= _MEMBER_ADDRESSES:
            yield Problem(
                f"{section}.network",
                f'"{subnet}"',
                f"too small: members have addresses up to number {_MEMBER_ADDRESSES - 1} of a subnet; "
                "needs a /27 or larger",
            )
    pools = settings.pools.values()
    needed = sum(pool.max_nodes + min(pool.max_unavailable, pool.max_nodes) for pool in pools)
    needed += len(set(cloud.member_ranges) & set(cloud.pool_ranges)) * _MEMBER_ADDRESSES
    available = sum(usable_addresses(subnet) for subnet in dict.fromkeys(cloud.pool_ranges))
    if needed > available:
        yield Problem(
            f"{section}.network.range",
            f'"{cloud.range}"',
            f"too small: its subnets have {available:,} addresses for machines; {needed:,} may be needed, "
            "with replacements; use a larger range or smaller pools",
        )


@rule(needs_valid=(*CLOUD_SECTIONS,), needs=("network.backend",))
def backend_works_in_clouds(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the flannel backend host-gw in clouds, because clouds drop packets with pod addresses."""
    settings = rule_input.settings
    if settings.cloud and settings.network.backend is Backend.HOST_GW:
        yield Problem(
            "network.backend",
            '"host-gw"',
            "does not work in a cloud: it needs all nodes in one subnet, and clouds drop packets with pod "
            "addresses; use vxlan",
        )


def check_subnets(
    network: IPv4Network, path: str, subnets: Mapping[str, SubnetSettings]
) -> Iterator[Problem]:
    """Yield problems for existing subnets that are outside the network or overlap."""
    for name, subnet in subnets.items():
        if not subnet.range.subnet_of(network):
            yield Problem(
                f"{path}.{name}.range",
                f'"{subnet.range}"',
                f"not inside the network's range, {network}; correct one of them",
            )
    for shared in find_overlaps([(name, subnet.range) for name, subnet in subnets.items()]):
        yield Problem(
            f"{path}.{shared.right}.range", "", f"overlaps the subnet of {shared.left}; use another range"
        )


def _can_be_split(cloud: CloudSettings) -> bool:
    """Check whether the subnets can be calculated. Another rule reports the reason if they cannot."""
    try:
        return bool(cloud.member_ranges and cloud.pool_ranges)
    except (ValueError, KeyError):
        return False
