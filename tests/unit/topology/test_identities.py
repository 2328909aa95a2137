"""Tests of the identities of nodes: owners of tokens, the inventory, reserved names and addresses."""

from __future__ import annotations

import json
import re

import pytest

from assembly import build_topology
from nodeconfig import bundles
from providers.aws.provider import AwsProvider
from providers.azure.provider import AzureProvider
from settings import load
from testkit.bundles import FakeIndex, cluster
from testkit.clouds import cloud
from tests.unit.nodeconfig.test_bundles import unit_flags
from tests.unit.settings.support import HIGHLY_AVAILABLE, with_edits
from tests.unit.settings.wrong_clouds import AZURE
from topology.identities import (
    TOKEN_FILE,
    TokenOwner,
    inventory,
    machine_owner,
    node_owner,
    reserved_addresses,
    reserved_names,
    token_owners,
)
from topology.model import Role, Topology

# k8s.io/cluster-bootstrap/token/api: BootstrapGroupPattern
GROUP = r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]"


def test_each_host_with_a_known_name_has_a_token() -> None:
    assert token_owners(cluster()) == tuple(node_owner(name) for name in ("cp-1", "w-1", "w-2"))


@pytest.mark.parametrize("topology", [cloud(), build_topology(load(AZURE))])
def test_machines_of_cloud_pools_share_no_token(topology: Topology) -> None:
    assert token_owners(topology) == tuple(node_owner(f"cp-{number}") for number in (1, 2, 3))
    delivered = bundles(topology, FakeIndex())
    assert TOKEN_FILE not in {item.secret for item in delivered["general", Role.NODE].secrets}
    assert TOKEN_FILE in {item.secret for item in delivered["cp-1", Role.NODE].secrets}


@pytest.mark.parametrize(
    "owner",
    [
        node_owner("w-1"),
        node_owner("w-1.rack.example"),
        machine_owner("i-0123.example"),
    ],
)
def test_groups_of_tokens_have_the_format_of_kubernetes(owner: TokenOwner) -> None:
    assert re.fullmatch(GROUP, owner.group)
    kind, name = owner.group.removeprefix("system:bootstrappers:kubewright:").split(":", 1)
    assert TokenOwner(kind, name.replace(":", ".")) == owner


def test_names_of_tokens_and_groups_are_stable() -> None:
    """Another name of a secret would create another token, and the approver matches the groups."""
    node = node_owner("w-1.rack")
    assert node.secret == "bootstrap-node-w-1.rack.token"
    assert node.group == "system:bootstrappers:kubewright:node:w-1:rack"
    assert machine_owner("i-0123").group == "system:bootstrappers:kubewright:machine:i-0123"


def test_the_inventory_has_known_nodes_and_patterns_of_pools() -> None:
    found = json.loads(inventory(cluster(etcd=3), lambda pool: "unused"))
    assert found == {
        "nodes": {"cp-1": ["10.9.0.11"], "w-1": ["10.9.0.21"], "w-2": ["10.9.0.22"]},
        "pools": {},
    }
    found = json.loads(inventory(cloud(), lambda pool: f"{pool.name}-.*"))
    assert found["pools"] == {"general": "general-.*"}
    assert "cp-1" in found["nodes"]


def test_the_inventory_has_lines_for_each_node() -> None:
    """Test that a preview of an added worker shows only the lines of this worker."""
    assert '  "w-1": [\n   "10.9.0.21"\n  ]' in inventory(cluster(), lambda pool: "unused")


def test_the_api_balancers_and_etcd_hosts_are_reserved() -> None:
    edits = {"api.names": ["api.example", "203.0.113.5", "cp-1"]}
    topology = build_topology(load(with_edits(HIGHLY_AVAILABLE, edits)))
    names, addresses = reserved_names(topology), reserved_addresses(topology)
    assert {"api.example", "kubernetes", "kubernetes.default", "localhost", ".svc"} <= set(names)
    assert f".svc.{topology.network.domain}" in names
    assert {"203.0.113.5/32", f"{topology.endpoint.host}/32", str(topology.network.services)} <= set(
        addresses
    )
    for machine in topology.machines:
        is_node = Role.NODE in machine.roles
        assert (machine.name in names) != is_node, machine.name
        assert (f"{machine.address}/32" in addresses) != is_node, machine.name


def test_the_approver_gets_reserved_names_and_the_inventory() -> None:
    topology = cluster(etcd=3)
    flags = unit_flags(bundles(topology, FakeIndex())["cp-1", Role.CONTROL_PLANE], "kubelet-csr-approver")
    assert flags["reserved-names"].split(",") == list(reserved_names(topology))
    assert {"e-0", "e-1", "e-2"} <= set(flags["reserved-names"].split(","))
    assert flags["reserved-addresses"].split(",") == list(reserved_addresses(topology))
    assert "10.9.0.100/32" in flags["reserved-addresses"].split(",")
    assert flags["inventory"] == "kube-system/kubewright-inventory"


def test_a_new_worker_does_not_change_the_approver() -> None:
    one, two = (
        unit_flags(
            bundles(cluster(workers=number), FakeIndex())["cp-1", Role.CONTROL_PLANE], "kubelet-csr-approver"
        )
        for number in (1, 2)
    )
    assert one == two


@pytest.mark.parametrize(
    ("provider", "name", "matches"),
    [
        (AwsProvider, "i-0123456789abcdef0", True),
        (AwsProvider, "i-0123abcd", True),
        (AwsProvider, "cp-1", False),
        (AwsProvider, "i-0123456789abcdef0.example", False),
        (AzureProvider, "general-1-00000a", True),
        (AzureProvider, "general-gpu-1-00000a", False),
        (AzureProvider, "cp-1", False),
    ],
)
def test_names_of_machines_in_pools(provider: type[AwsProvider], name: str, matches: bool) -> None:
    (pool,) = (pool for pool in cloud().pools if pool.capacity)
    pattern = provider.machine_names(object.__new__(provider), pool)
    assert (re.fullmatch(pattern, name) is not None) == matches
