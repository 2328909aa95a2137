"""The machines of a cluster: names, addresses, zones and roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from assembly.pools import CONTROL_PLANE_POOL
from settings.clouds import CloudSettings
from settings.cluster import Settings
from topology.model import Machine, Role, Size
from topology.subnets import FIRST_CONTROL_PLANE, FIRST_ETCD_MEMBER, member_address


def build_machines(settings: Settings) -> tuple[Machine, ...]:
    """Return the hosts of the inventory, or the members in a cloud, with roles in the order of delivery."""
    pool_by_host = dict.fromkeys(settings.control_planes.hosts, CONTROL_PLANE_POOL)
    for pool, section in settings.pools.items():
        pool_by_host |= dict.fromkeys(section.hosts, pool)
    hosts_by_role = {
        Role.LOAD_BALANCER: frozenset(settings.load_balancers.hosts),
        Role.ETCD: frozenset(settings.etcd_hosts),
        Role.CONTROL_PLANE: frozenset(settings.control_planes.hosts),
        Role.NODE: frozenset(pool_by_host),
    }
    placements = (
        _cloud_placements(settings, settings.cloud) if settings.cloud else _inventory_placements(settings)
    )
    return tuple(
        Machine(
            name=name,
            address=placement.address,
            roles=tuple(role for role in Role if name in hosts_by_role[role]),
            pool=pool_by_host.get(name, ""),
            size=placement.size,
            zone=placement.zone,
            public_address=placement.public_address,
            architecture=placement.architecture,
        )
        for name, placement in placements.items()
    )


@dataclass(frozen=True, slots=True)
class _Placement:
    """The addresses, size, zone and architecture of a machine before its roles are known."""

    address: IPv4Address
    size: Size | None = None
    zone: int = 0
    public_address: IPv4Address | None = None
    architecture: str = ""


def _inventory_placements(settings: Settings) -> dict[str, _Placement]:
    """Return the addresses and sizes of the hosts of the inventory by host name."""
    hosts = settings.metal.hosts if settings.metal else {}
    return {
        name: _Placement(host.address, host.size, public_address=host.public_address)
        for name, host in hosts.items()
    }


def _cloud_placements(settings: Settings, cloud: CloudSettings) -> dict[str, _Placement]:
    """Return the addresses, zones and architectures of cloud members by name.

    The placement of a member depends on its position in its list of members. A member that is appended to the
    list therefore does not move other members.
    """
    control_planes = settings.control_planes.hosts
    etcd_only = tuple(name for name in settings.etcd.hosts if name not in control_planes)
    kinds = (
        (control_planes, FIRST_CONTROL_PLANE, settings.control_planes.machine),
        (etcd_only, FIRST_ETCD_MEMBER, settings.etcd.machine),
    )
    return {
        name: placement
        for names, first, machine in kinds
        for name, placement in _spread_over_zones(
            names, first, cloud, cloud.architecture(machine.type) if machine else ""
        ).items()
    }


def _spread_over_zones(
    names: Sequence[str], first: int, cloud: CloudSettings, architecture: str
) -> dict[str, _Placement]:
    """Return a placement for each member by name.

    Successive members are in successive zones. In each subnet, their addresses start at number `first`.
    """
    placements: dict[str, _Placement] = {}
    assigned: dict[IPv4Network, int] = {}
    ranges = cloud.member_ranges
    for number, name in enumerate(names):
        zone = number % len(ranges)
        offset = assigned.get(ranges[zone], 0)
        assigned[ranges[zone]] = offset + 1
        placements[name] = _Placement(
            member_address(ranges[zone], first, offset), zone=zone, architecture=architecture
        )
    return placements
