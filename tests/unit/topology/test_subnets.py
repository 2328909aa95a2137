"""Tests of the split of a virtual network's range: subnets do not overlap, and later changes do not move
them.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly import build_topology
from settings import load
from tests.unit.settings.support import with_edits
from tests.unit.settings.wrong_clouds import AWS, AZURE
from topology.firewall_rules import port_table, rules_for
from topology.model import Capacity, Role, Topology
from topology.subnets import (
    FIRST_CONTROL_PLANE,
    FIRST_ETCD_MEMBER,
    MAX_MEMBERS,
    MAX_PREFIX,
    MAX_ZONES,
    member_address,
    split_into_zones,
    usable_addresses,
)


@st.composite
def networks(draw: st.DrawFn) -> IPv4Network:
    length = draw(st.integers(8, MAX_PREFIX))
    number = draw(st.integers(0, 2**length - 1))
    return IPv4Network((number << (32 - length), length))


counts = st.integers(1, MAX_ZONES)


@given(networks(), counts)
def test_subnets_are_disjoint_and_inside_the_network(network: IPv4Network, zones: int) -> None:
    zone_subnets = split_into_zones(network, zones)
    assert len(zone_subnets) == zones
    ranges = [subnet for zone in zone_subnets for subnet in (zone.public, zone.private)]
    assert all(subnet.subnet_of(network) for subnet in ranges)
    assert not any(left.overlaps(right) for left, right in combinations(ranges, 2))
    # IPv4Network raises ValueError for ranges that are not aligned, so the range must be a valid network.
    assert all(IPv4Network(str(subnet)) == subnet for subnet in ranges)


@given(networks(), counts)
def test_subnets_are_large_enough(network: IPv4Network, zones: int) -> None:
    for zone in split_into_zones(network, zones):
        assert zone.public.prefixlen <= 28
        assert usable_addresses(zone.private) >= network.num_addresses // 8 - 5
        last = member_address(zone.private, FIRST_ETCD_MEMBER, MAX_MEMBERS - 1)
        assert last in zone.private
        assert last != zone.private.broadcast_address


@given(networks(), st.integers(1, MAX_ZONES - 1))
def test_additional_zone_keeps_other_subnets(network: IPv4Network, zones: int) -> None:
    assert split_into_zones(network, zones + 1)[:zones] == split_into_zones(network, zones)


@given(networks(), counts)
def test_members_have_different_addresses(network: IPv4Network, zones: int) -> None:
    firsts, indexes = (FIRST_CONTROL_PLANE, FIRST_ETCD_MEMBER), range(MAX_MEMBERS)
    addresses = [
        member_address(zone.private, first, index)
        for zone in split_into_zones(network, zones)
        for first in firsts
        for index in indexes
    ]
    assert len(set(addresses)) == len(addresses)


def test_split_has_public_subnets_in_the_first_eighth() -> None:
    zones = split_into_zones(IPv4Network("10.20.0.0/16"), 2)
    assert [(str(zone.public), str(zone.private)) for zone in zones] == [
        ("10.20.0.0/22", "10.20.32.0/19"),
        ("10.20.4.0/22", "10.20.64.0/19"),
    ]


@pytest.mark.parametrize(("prefix", "addresses"), [(25, 123), (29, 3), (30, 0), (32, 0)])
def test_clouds_reserve_five_addresses_of_a_subnet(prefix: int, addresses: int) -> None:
    assert usable_addresses(IPv4Network(("10.0.0.0", prefix))) == addresses


def test_the_last_address_before_broadcast_is_for_members() -> None:
    assert str(member_address(IPv4Network("10.0.0.0/28"), FIRST_CONTROL_PLANE, 4)) == "10.0.0.14"
    with pytest.raises(ValueError, match=r"10\.0\.0\.0/28 has no address number 15 for a member"):
        member_address(IPv4Network("10.0.0.0/28"), FIRST_CONTROL_PLANE + 1, 4)


def test_impossible_splits_are_errors() -> None:
    network = IPv4Network("10.0.0.0/16")
    for zones in (0, MAX_ZONES + 1):
        with pytest.raises(ValueError, match="allowed: 1 to 6"):
            split_into_zones(network, zones)
    with pytest.raises(ValueError, match=r"public subnets of a /29"):
        split_into_zones(IPv4Network("10.0.0.0/23"), 3)
    with pytest.raises(ValueError, match="no address number 15"):
        member_address(network, FIRST_CONTROL_PLANE, MAX_MEMBERS)
    with pytest.raises(ValueError, match="no address number 20"):
        member_address(IPv4Network("10.0.0.0/28"), FIRST_ETCD_MEMBER, 0)


def topology_from(base: dict[str, object], **edits: object) -> Topology:
    return build_topology(load(with_edits(base, edits)))


def test_members_are_spread_over_zones() -> None:
    topology = topology_from(AWS)
    assert [(m.name, m.zone, str(m.address)) for m in topology.machines] == [
        ("cp-1", 0, "10.20.32.10"),
        ("cp-2", 1, "10.20.64.10"),
        ("cp-3", 2, "10.20.96.10"),
    ]
    assert topology.etcd == topology.control_planes
    assert all(machine.roles == (Role.ETCD, Role.CONTROL_PLANE, Role.NODE) for machine in topology.machines)


def test_members_share_a_subnet_in_a_cloud_without_zonal_subnets() -> None:
    topology = topology_from(AZURE)
    assert [str(m.address) for m in topology.machines] == ["10.30.32.10", "10.30.32.11", "10.30.32.12"]
    assert [machine.zone for machine in topology.machines] == [0, 1, 2]


def test_additional_members_keep_other_addresses() -> None:
    machine = {"type": "small"}
    names = [f"e-{number}" for number in range(5)]
    three = topology_from(AWS, **{"etcd.hosts": names[:3], "etcd.machine": machine})
    five = topology_from(
        AWS,
        **{
            "etcd.hosts": names,
            "etcd.machine": machine,
            "control_planes.hosts": [f"cp-{number}" for number in range(1, 6)],
        },
    )
    addresses = {m.name: m.address for m in five.machines}
    assert len(set(addresses.values())) == 10
    assert {m.name: m.address for m in three.machines}.items() <= addresses.items()
    assert str(addresses["e-3"]) == "10.20.32.21"


def test_cloud_pool_has_a_capacity_and_no_nodes() -> None:
    topology = topology_from(AWS)
    control, general = topology.pools
    assert control.capacity is None
    assert [node.name for node in control.nodes] == ["cp-1", "cp-2", "cp-3"]
    assert general.nodes == ()
    expected = Capacity(1, 9, types=("medium",), spot=False, disk=100 * 1024**3, architecture="amd64")
    assert general.capacity == expected
    assert topology.external_cloud
    assert topology.network.machines == (IPv4Network("10.20.0.0/16"),)


def test_cloud_without_an_ssh_key_opens_no_ssh() -> None:
    assert not [rule for rule in rules_for(topology_from(AWS), list(Role)) if rule.first == 22]
    assert "sshd" not in port_table(topology_from(AWS))
    assert [
        rule
        for rule in rules_for(topology_from(AWS, **{"aws.ssh_key": "mine"}), list(Role))
        if rule.first == 22
    ]


def test_health_probes_of_a_cloud_reach_the_api() -> None:
    def sources(topology: Topology) -> set[str]:
        rules = rules_for(topology, [Role.CONTROL_PLANE])
        closed = (network for rule in rules if rule.first == 6443 for network in rule.networks)
        return {str(network) for network in closed}

    closed = {"network.api_allowed": ["192.0.2.0/24"]}
    assert "168.63.129.16/32" in sources(topology_from(AZURE, **closed))
    assert "168.63.129.16/32" not in sources(topology_from(AWS, **closed))
    assert "probes" not in port_table(topology_from(AWS))


def test_subnets_of_an_existing_network_are_used() -> None:
    subnets = {
        f"eu-central-1{z}": {"id": f"subnet-{z}", "range": f"10.20.{n}.0/24"} for n, z in enumerate("abc")
    }
    topology = topology_from(
        AWS, **{"aws.network": {"range": "10.20.0.0/16", "vpc": "vpc-1", "private": subnets}}
    )
    assert [str(m.address) for m in topology.machines] == ["10.20.0.10", "10.20.1.10", "10.20.2.10"]


def test_cloud_control_planes_are_excluded_from_load_balancers() -> None:
    label = ("node.kubernetes.io/exclude-from-external-load-balancers", "")
    pools = {pool.name: pool.labels for pool in topology_from(AWS).pools}
    assert label in pools.pop("control-plane")
    assert not [name for name, labels in pools.items() if label in labels]
