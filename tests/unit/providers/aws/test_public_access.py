"""Tests of the rules of all security groups on AWS."""

from __future__ import annotations

from typing import Any, cast

from tests.unit.components.graph import Graph, Json
from tests.unit.providers.aws.program import graph, launch_templates, with_dedicated_etcd
from tests.unit.providers.program import section

WORLD = {"0.0.0.0/0", "::/0"}


def open_to_all(cluster: Json) -> None:
    section(cluster, "network")["api_allowed"] = ["0.0.0.0/0"]


def with_ingress(cluster: Json) -> None:
    section(cluster, "pools", "general")["taints"] = ["dedicated=ingress:NoSchedule"]
    cluster["addons"] = {"ingress": {"pool": "general", "sources": ["192.0.2.0/24"]}}


def ingress_sources(resources: Graph) -> list[tuple[str, set[str]]]:
    """Return the name of the group and the source networks of each ingress rule."""
    rules = [
        (node.name, set(cast(list[str], rule.get("cidrBlocks", []))))
        for node in resources.of_type(":SecurityGroup")
        for rule in cast(list[dict[str, Any]], node.inputs.get("ingress", []))
    ]
    rules += [
        (n.name, {str(n.inputs.get("cidrIpv4", ""))}) for n in resources.of_type(":SecurityGroupIngressRule")
    ]
    return rules


class TestAllowedSources:
    def test_no_group_allows_all_sources(self, resources: Graph) -> None:
        assert len(ingress_sources(resources)) > 15
        assert [rule for rule in ingress_sources(resources) if rule[1] & WORLD] == []

    def test_only_the_load_balancer_group_allows_the_public_api(self) -> None:
        groups = {name for name, networks in ingress_sources(graph(open_to_all)) if networks & WORLD}
        assert groups == {"aws-firewall-balancer"}

    def test_load_balancer_group_allows_the_configured_sources_and_the_machines(self) -> None:
        (networks,) = [
            networks for name, networks in ingress_sources(graph()) if name == "aws-firewall-balancer"
        ]
        assert networks == {"192.0.2.0/24", "10.20.0.0/16", "198.51.100.7/32"}

    def test_no_ssh_without_a_key(self, resources: Graph) -> None:
        for node in resources.of_type(":SecurityGroupIngressRule"):
            assert node.inputs["fromPort"] != 22
        for node in resources.of_type(":SecurityGroup"):
            rules = cast(list[dict[str, Any]], node.inputs.get("ingress", []))
            assert not [rule for rule in rules if rule["fromPort"] == 22]

    def test_the_default_group_allows_no_traffic(self, resources: Graph) -> None:
        node = resources.node("aws-network-default-group")
        assert "ingress" not in node.inputs
        assert "egress" not in node.inputs

    def test_machines_have_no_public_address(self, resources: Graph) -> None:
        assert {node.inputs["mapPublicIpOnLaunch"] for node in resources.of_type(":Subnet")} == {False}
        for node in launch_templates(resources):
            for interface in cast(list[dict[str, Any]], node.inputs.get("networkInterfaces", [])):
                assert "associatePublicIpAddress" not in interface

    def test_only_members_can_connect_to_etcd(self) -> None:
        resources = graph(with_dedicated_etcd)
        node = resources.node("aws-firewall-etcd")
        rules = {rule["fromPort"]: rule for rule in cast(list[dict[str, Any]], node.inputs["ingress"])}
        own = {f"10.20.{third}.20/32" for third in (32, 64, 96)}
        assert set(rules[2380]["cidrBlocks"]) == own
        assert set(rules[2379]["cidrBlocks"]) == own | {f"10.20.{third}.10/32" for third in (32, 64, 96)}
        workers = {n.inputs["fromPort"] for n in resources.of_type(":SecurityGroupIngressRule")}
        assert not workers & {2379, 2380, 6443}

    def test_ports_of_the_ingress_are_open_only_on_workers(self) -> None:
        resources = graph(with_ingress)
        opened = {
            (node.name, node.inputs["cidrIpv4"])
            for node in resources.of_type(":SecurityGroupIngressRule")
            if node.inputs["fromPort"] in (80, 443)
        }
        sources = {source for name, source in opened if name.startswith("aws-firewall-workers-tcp-80")}
        assert sources == {"10.20.0.0/16", "10.244.0.0/16", "192.0.2.0/24"}
        assert len(opened) == 2 * len(sources)
        for node in resources.of_type(":SecurityGroup"):
            rules = cast(list[dict[str, Any]], node.inputs.get("ingress", []))
            assert not [rule for rule in rules if rule["fromPort"] in (80, 443)]

    def test_only_one_group_has_the_tag_of_the_cloud_controller(self, resources: Graph) -> None:
        tagged = [
            node.name
            for node in resources.of_type(":SecurityGroup")
            if "kubernetes.io/cluster/aws-example" in cast(Json, node.inputs["tags"])
        ]
        assert tagged == ["aws-firewall-workers"]
