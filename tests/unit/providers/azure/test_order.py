"""Tests of the order of changes that Azure refuses while another change runs."""

from __future__ import annotations

from tests.unit.components.graph import Graph
from tests.unit.providers.azure.program import graph, with_all_features

SUBNETS = {"azure-network-members", "azure-network-pools"}


def test_users_of_subnets_wait_for_all_changes_of_the_network(resources: Graph) -> None:
    users = [
        *resources.of_type(":LoadBalancer"),
        *resources.of_type(":NetworkInterface"),
        *resources.of_type(":StorageAccount"),
        *resources.of_type(":PrivateEndpoint"),
        *resources.of_type(":VirtualNetworkLink"),
    ]
    assert len(users) >= 6
    for node in users:
        assert resources.dependencies(node) >= SUBNETS, node.name


def test_interfaces_wait_for_the_rules_of_their_security_group(resources: Graph) -> None:
    for node in resources.of_type(":NetworkInterface"):
        rules = {rule.name for rule in resources.of_type(":SecurityRule") if "azure-firewall-" in rule.name}
        assert rules <= resources.dependencies(node), node.name


def test_custom_roles_are_assigned_when_their_definitions_are_known_everywhere(resources: Graph) -> None:
    (pause,) = [node for node in resources.nodes.values() if node.name == "azure-identity-roles-replicated"]
    assert pause.inputs["create"] == "sleep 30"
    assert {node.name for node in resources.of_type(":RoleDefinition")} <= resources.dependencies(pause)
    assert pause.name in resources.dependencies(resources.node("azure-identity-control-plane-controls"))


def test_private_endpoint_is_part_of_the_test() -> None:
    assert len(graph(with_all_features).of_type(":PrivateEndpoint")) == 1
