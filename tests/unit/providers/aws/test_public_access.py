"""Tests of the rules of all security groups on AWS."""

from __future__ import annotations

from typing import Any, cast

from tests.unit.components.graph import Graph, Json
from tests.unit.providers.aws.program import graph, templates, with_own_etcd
from tests.unit.providers.program import section

WORLD = {"0.0.0.0/0", "::/0"}


def open_to_all(cluster: Json) -> None:
    section(cluster, "network")["api_allowed"] = ["0.0.0.0/0"]


def ingress(found: Graph) -> list[tuple[str, set[str]]]:
    """Return the name of the group and the source networks of each ingress rule."""
    rules = [
        (node.name, set(cast(list[str], rule.get("cidrBlocks", []))))
        for node in found.of_type(":SecurityGroup")
        for rule in cast(list[dict[str, Any]], node.inputs.get("ingress", []))
    ]
    rules += [
        (n.name, {str(n.inputs.get("cidrIpv4", ""))}) for n in found.of_type(":SecurityGroupIngressRule")
    ]
    return rules


class TestAllowedSources:
    def test_no_group_allows_all_sources(self, recorded: Graph) -> None:
        assert len(ingress(recorded)) > 15
        assert [rule for rule in ingress(recorded) if rule[1] & WORLD] == []

    def test_only_the_load_balancer_group_allows_the_public_api(self) -> None:
        found = {name for name, networks in ingress(graph(open_to_all)) if networks & WORLD}
        assert found == {"aws-firewall-balancer"}

    def test_load_balancer_group_allows_the_configured_sources_and_the_machines(self) -> None:
        (networks,) = [networks for name, networks in ingress(graph()) if name == "aws-firewall-balancer"]
        assert networks == {"192.0.2.0/24", "10.20.0.0/16", "198.51.100.7/32"}

    def test_no_ssh_without_a_key(self, recorded: Graph) -> None:
        for node in recorded.of_type(":SecurityGroupIngressRule"):
            assert node.inputs["fromPort"] != 22
        for node in recorded.of_type(":SecurityGroup"):
            rules = cast(list[dict[str, Any]], node.inputs.get("ingress", []))
            assert not [rule for rule in rules if rule["fromPort"] == 22]

    def test_the_default_group_allows_no_traffic(self, recorded: Graph) -> None:
        node = recorded.node("aws-network-default-group")
        assert "ingress" not in node.inputs
        assert "egress" not in node.inputs

    def test_machines_have_no_public_address(self, recorded: Graph) -> None:
        assert {node.inputs["mapPublicIpOnLaunch"] for node in recorded.of_type(":Subnet")} == {False}
        for node in templates(recorded):
            for interface in cast(list[dict[str, Any]], node.inputs.get("networkInterfaces", [])):
                assert "associatePublicIpAddress" not in interface

    def test_only_members_can_connect_to_etcd(self) -> None:
        found = graph(with_own_etcd)
        node = found.node("aws-firewall-etcd")
        rules = {rule["fromPort"]: rule for rule in cast(list[dict[str, Any]], node.inputs["ingress"])}
        own = {f"10.20.{third}.20/32" for third in (32, 64, 96)}
        assert set(rules[2380]["cidrBlocks"]) == own
        assert set(rules[2379]["cidrBlocks"]) == own | {f"10.20.{third}.10/32" for third in (32, 64, 96)}
        workers = {n.inputs["fromPort"] for n in found.of_type(":SecurityGroupIngressRule")}
        assert not workers & {2379, 2380, 6443}

    def test_only_one_group_has_the_tag_of_the_cloud_controller(self, recorded: Graph) -> None:
        tagged = [
            node.name
            for node in recorded.of_type(":SecurityGroup")
            if "kubernetes.io/cluster/aws-example" in cast(Json, node.inputs["tags"])
        ]
        assert tagged == ["aws-firewall-workers"]
