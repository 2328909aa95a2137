"""Property tests of address arithmetic with arbitrary address ranges."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from topology.network import (
    find_duplicates,
    find_network,
    find_overlaps,
    max_node_ranges,
    node_prefix_for_pods,
    pod_addresses,
    pods_prefix_for_nodes,
    service_addresses,
    shared_addresses,
)


@st.composite
def networks(draw: st.DrawFn, shortest: int = 0) -> IPv4Network:
    prefix = draw(st.integers(shortest, 32))
    return IPv4Network((draw(st.integers(0, 2**32 - 1)), prefix), strict=False)


def test_arithmetic_matches_the_numbers_of_the_requirements() -> None:
    assert pod_addresses(26) == 62
    assert max_node_ranges(IPv4Network("10.0.0.0/16"), 26) == 1024
    assert service_addresses(IPv4Network("10.96.0.0/22")) == 1022


@pytest.mark.parametrize(("prefix", "addresses"), [(30, 2), (31, 0), (32, 0)])
def test_smallest_ranges_have_few_or_no_addresses(prefix: int, addresses: int) -> None:
    assert pod_addresses(prefix) == addresses
    assert service_addresses(IPv4Network(("10.96.0.0", prefix))) == addresses


@given(networks(), networks())
def test_overlap_agrees_with_the_standard_library(left: IPv4Network, right: IPv4Network) -> None:
    shared = shared_addresses(left, right)
    assert (shared is not None) == left.overlaps(right)
    assert shared == shared_addresses(right, left)
    if shared:
        first, last = shared
        assert all(address in network for address in (first, last) for network in (left, right))
        smaller = min(left, right, key=lambda network: network.num_addresses)
        assert int(last) - int(first) + 1 == smaller.num_addresses


@given(st.lists(networks(shortest=8), max_size=8))
def test_ranges_without_a_reported_overlap_are_disjoint(ranges: list[IPv4Network]) -> None:
    overlaps = find_overlaps([(str(index), network) for index, network in enumerate(ranges)])
    reported = {(int(pair.left), int(pair.right)) for pair in overlaps}
    for left in range(len(ranges)):
        for right in range(left + 1, len(ranges)):
            assert ranges[left].overlaps(ranges[right]) == ((left, right) in reported)
    assert all(pair.count >= 1 for pair in overlaps)


def test_overlaps_name_both_ranges_and_their_shared_addresses() -> None:
    ranges = {"a": "10.0.0.0/24", "b": "10.0.0.240/28", "c": "10.0.1.0/24", "d": "10.0.0.255/32"}
    overlaps = find_overlaps([(name, IPv4Network(text)) for name, text in ranges.items()])
    assert [(each.left, each.right, str(each.first), each.count) for each in overlaps] == [
        ("a", "b", "10.0.0.240", 16),
        ("a", "d", "10.0.0.255", 1),
        ("b", "d", "10.0.0.255", 1),
    ]


@given(st.integers(0, 24), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_node_ranges_match_the_split_of_the_standard_library(prefix: int, bits: int, address: int) -> None:
    pods = IPv4Network((address, prefix), strict=False)
    parts = list(pods.subnets(new_prefix=prefix + bits))
    assert max_node_ranges(pods, prefix + bits) == len(parts)
    assert find_overlaps([(str(part), part) for part in parts[:8]]) == ()


@given(networks(shortest=9), st.integers(1, 8))
def test_node_prefix_larger_than_the_pod_range_holds_no_node(pods: IPv4Network, bits: int) -> None:
    assert max_node_ranges(pods, pods.prefixlen - bits) == 0


@given(st.integers(1, 5000), st.integers(16, 30))
def test_prefix_for_nodes_is_the_longest_possible(nodes: int, node_prefix: int) -> None:
    prefix = pods_prefix_for_nodes(nodes, node_prefix)
    assert max_node_ranges(IPv4Network((0, prefix)), node_prefix) >= nodes
    assert max_node_ranges(IPv4Network((0, prefix + 1)), node_prefix) < nodes


@given(st.integers(1, 100_000))
def test_prefix_for_pods_is_the_longest_possible(pods: int) -> None:
    prefix = node_prefix_for_pods(pods)
    assert pod_addresses(prefix) >= pods
    assert prefix == 30 or pod_addresses(prefix + 1) < pods


def test_impossible_prefixes_are_errors() -> None:
    with pytest.raises(ValueError, match="at least one pod"):
        node_prefix_for_pods(0)
    with pytest.raises(ValueError, match="no range holds"):
        pods_prefix_for_nodes(5, 2)
    with pytest.raises(ValueError, match="no range holds 4294967295 pods"):
        node_prefix_for_pods(2**32 - 1)


def test_all_addresses_can_be_one_range() -> None:
    assert pods_prefix_for_nodes(4, 2) == 0
    assert node_prefix_for_pods(2**32 - 2) == 0


@given(st.lists(networks(), max_size=5), st.integers(0, 2**32 - 1))
def test_find_network_returns_the_network_of_an_address(ranges: list[IPv4Network], number: int) -> None:
    address = IPv4Address(number)
    network = find_network(ranges, address)
    assert (network is not None) == any(address in network for network in ranges)
    assert network is None or address in network


def test_find_duplicates_returns_shared_addresses() -> None:
    one, two = IPv4Address("10.0.0.1"), IPv4Address("10.0.0.2")
    assert find_duplicates({"a": one, "b": two, "c": one}) == ((one, ("a", "c")),)
