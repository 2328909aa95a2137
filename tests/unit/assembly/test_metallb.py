"""Tests of the configuration of MetalLB that settings describe."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

from assembly import build_topology
from settings import load
from tests.unit.settings.support import ONE_HOST, TWO_WORKERS, with_edits
from topology.metallb import NOT_BALANCED_LABEL, AddressPool, Announcement, BgpPeer, MetalLb
from topology.model import Topology

SECTION: dict[str, Any] = {
    "asn": 64513,
    "pools": {
        "public": {"addresses": ["10.89.0.240-10.89.0.241", "10.89.0.128/30"]},
        "edge": {"addresses": ["198.51.100.0/28"], "announce": "bgp", "automatic": False},
    },
    "peers": {"rack": {"address": "10.89.0.1", "asn": 64512, "hold_time": "1m30s", "password": "x"}},
}


def topology(base: dict[str, Any], section: dict[str, Any], **edits: object) -> Topology:
    return build_topology(
        load(with_edits(base, {"addons.load_balancer": section, "registries": {}, **edits}))
    )


def control_plane_labels(built: Topology) -> set[str]:
    return {key for key, _ in built.pools[0].labels}


def test_settings_become_pools_and_peers() -> None:
    first, last = IPv4Address("10.89.0.240"), IPv4Address("10.89.0.241")
    assert topology(TWO_WORKERS, SECTION).metallb == MetalLb(
        pools=(
            AddressPool(
                "public",
                ((first, last), (IPv4Address("10.89.0.128"), IPv4Address("10.89.0.131"))),
                Announcement.L2,
                automatic=True,
            ),
            AddressPool(
                "edge",
                ((IPv4Address("198.51.100.0"), IPv4Address("198.51.100.15")),),
                Announcement.BGP,
                automatic=False,
            ),
        ),
        peers=(BgpPeer("rack", IPv4Address("10.89.0.1"), 179, 64512, 90, has_password=True),),
        asn=64513,
    )


def test_cluster_has_no_metallb_by_default() -> None:
    built = build_topology(load(TWO_WORKERS))
    assert built.metallb is None
    assert NOT_BALANCED_LABEL not in control_plane_labels(built)


def test_control_planes_announce_only_if_they_are_workers() -> None:
    pools = {"pools": {"public": {"addresses": ["10.89.0.240-10.89.0.241"]}}}
    assert NOT_BALANCED_LABEL in control_plane_labels(topology(TWO_WORKERS, pools))
    single = {"pools": {"public": {"addresses": ["10.0.0.240-10.0.0.241"]}}}
    assert NOT_BALANCED_LABEL not in control_plane_labels(topology(ONE_HOST, single))


def test_pool_of_another_network_is_allowed_for_excluded_nodes() -> None:
    """w-3 is in another network than the addresses, and its label keeps it from announcing them."""
    pools = {"pools": {"public": {"addresses": ["10.89.0.240-10.89.0.241"]}}}
    edits = {
        "metal.hosts.w-3": {"address": "10.90.0.23"},
        "pools.far": {"hosts": ["w-3"], "labels": {NOT_BALANCED_LABEL: ""}},
    }
    assert topology(TWO_WORKERS, pools, **edits).metallb is not None
