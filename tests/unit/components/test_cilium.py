"""Tests of Cilium in the program, on mocks."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from artifacts.catalogue import images_of
from components.cilium import chart_values
from components.refused_changes import check_cilium, check_cni, recorded_inputs
from testkit.bundles import cluster
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Node, cluster_config
from topology.cilium import VERSION
from topology.model import Member, Topology


def values(**options: object) -> dict[str, Any]:
    """Return the chart's values of a cluster with these options of Cilium."""
    return values_of(with_cilium(**options))


def values_of(topology: Topology) -> dict[str, Any]:
    assert topology.network.cilium is not None
    return chart_values(topology, topology.network.cilium)


def with_cilium(**options: object) -> Topology:
    return cluster(cni="cilium", cilium=options)


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    config = cluster_config(tmp_path_factory.mktemp("cilium"), workers=1)
    network: Any = config["network"]
    return deploy(config | {"network": network | {"cni": "cilium"}})


def release(graph: Graph) -> Node:
    (node,) = (node for node in graph.of_type("helm.sh/v3:Release") if node.inputs["name"] == "cilium")
    return node


def test_release_is_the_official_chart_with_its_values_as_data(graph: Graph) -> None:
    inputs = release(graph).inputs
    assert inputs["chart"] == "cilium"
    assert inputs["version"] == "1.20.2"
    assert inputs["namespace"] == "kube-system"
    assert inputs["repositoryOpts"]["repo"] == "https://helm.cilium.io/"
    assert inputs["values"]["routingMode"] == "tunnel"
    assert inputs["values"]["ipam"] == {"mode": "kubernetes"}


def test_release_exists_before_nodes_join_and_waits_for_no_pods(graph: Graph) -> None:
    assert release(graph).inputs["skipAwait"] is True
    pools = {node.urn for node in graph.of_type(":NodePool")}
    deliveries = [node for node in graph.of_type(":Command") if node.parent in pools]
    assert deliveries
    for node in deliveries:
        assert release(graph).name in graph.dependencies(node), node.name


def test_program_waits_for_pods_and_has_nothing_of_flannel(graph: Graph) -> None:
    for node in graph.of_type("apps/v1:Deployment"):
        assert "pulumi.com/skipAwait" not in (node.inputs["metadata"].get("annotations") or {})
    roles = {str(node.inputs["metadata"]["name"]) for node in graph.of_type("v1:ClusterRole")}
    assert not {"kubewright:flannel", "kubewright:network-policies"} & roles
    assert not graph.of_type(":IneffectivePolicies")


def test_agents_reach_all_api_servers_without_services_and_load_balancers() -> None:
    assert values()["k8s"] == {"apiServerURLs": "https://10.9.0.11:6443"}
    two = {"cp-1": "192.0.2.1", "cp-2": "192.0.2.2"}
    members = tuple(Member(name, IPv4Address(address)) for name, address in two.items())
    urls = values_of(replace(with_cilium(), control_planes=members))["k8s"]["apiServerURLs"]
    assert urls == "https://192.0.2.1:6443 https://192.0.2.2:6443"


def test_tunnel_is_vxlan_and_native_routing_needs_no_tunnel() -> None:
    assert (values()["routingMode"], values()["tunnelProtocol"]) == ("tunnel", "vxlan")
    native = values(routing_mode="native")
    assert native["routingMode"] == "native"
    assert native["ipv4NativeRoutingCIDR"] == "10.244.0.0/16"
    assert native["autoDirectNodeRoutes"] is True
    assert "tunnelProtocol" not in native


def test_kube_proxy_is_kept_or_replaced_on_the_port_of_its_health() -> None:
    assert values()["kubeProxyReplacement"] is False
    assert values()["cni"] == {"chainingMode": "portmap"}
    assert "nodePort" not in values()
    replaced = values(kube_proxy_replacement=True)
    assert replaced["kubeProxyReplacement"] is True
    assert replaced["kubeProxyReplacementHealthzBindAddr"] == "0.0.0.0:10256"
    assert replaced["nodePort"] == {"range": "30000,32767"}
    assert "cni" not in replaced, "Cilium serves host ports itself"


def test_chart_prepares_no_hosts_and_packets_pass_the_packet_filter() -> None:
    result = values()
    assert result["bpf"] == {"autoMount": {"enabled": False}, "hostLegacyRouting": True}
    assert result["cgroup"] == {"autoMount": {"enabled": False}, "hostRoot": "/run/cilium/cgroupv2"}
    assert result["sysctlfix"] == {"enabled": False}


def test_images_have_the_tags_of_the_chart_or_pinned_digests() -> None:
    assert values()["image"] == values()["operator"]["image"] == {"useDigest": False}
    digests = tuple((reference, f"sha256:{'1' * 64}") for reference in images_of("cilium", VERSION))
    pinned = values_of(replace(with_cilium(), image_digests=digests))
    for image, reference in zip((pinned["image"], pinned["operator"]["image"]), digests, strict=True):
        assert image == {"useDigest": False, "override": "@".join(reference)}
    own_chart = replace(with_cilium(chart="./charts/cilium", version=VERSION), image_digests=digests)
    assert values_of(own_chart)["image"] == pinned["image"]
    installed = own_chart.network.cilium
    assert installed is not None
    assert installed.chart_version == "", "Helm reads the version of a path from its files"


def test_envoy_and_hubble_are_off_by_default() -> None:
    assert values()["envoy"] == {"enabled": False}
    assert values()["l7Proxy"] is False
    assert values()["hubble"] == {"enabled": False}
    assert values(hubble=True)["hubble"] == {"enabled": True, "tls": {"enabled": False}}


def test_operator_has_a_second_replica_only_with_a_second_node() -> None:
    assert values()["operator"]["replicas"] == 2
    alone = cluster(workers=0, cni="cilium")
    assert values_of(alone)["operator"]["replicas"] == 1


def test_mtu_of_the_links_is_passed_on() -> None:
    assert "MTU" not in values()
    assert values_of(cluster(cni="cilium", mtu=1400))["MTU"] == 1400


def test_state_records_cilium_and_its_options(graph: Graph) -> None:
    (members,) = graph.of_type(":ControlPlane")
    assert members.inputs["cni"] == "cilium"
    assert members.inputs["cilium"] == {"routing_mode": "tunnel", "kube_proxy_replacement": "false"}


@pytest.mark.parametrize(("old", "new"), [("flannel", "cilium"), ("cilium", "flannel"), ("cilium", "none")])
def test_change_to_or_from_cilium_is_refused(old: str, new: str) -> None:
    before, after = (recorded_inputs(cluster(cni=name)) for name in (old, new))
    assert check_cni(before, after).startswith(f"network.cni: {old} cannot become {new}")
    assert check_cilium(before, after) == "", "one reason is enough"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"routing_mode": "native"}, "network.cilium.routing_mode: tunnel cannot become native"),
        ({"kube_proxy_replacement": True}, "network.cilium.kube_proxy_replacement: false cannot become true"),
    ],
)
def test_change_of_routing_and_services_is_refused(options: dict[str, object], message: str) -> None:
    before, after = recorded_inputs(with_cilium()), recorded_inputs(with_cilium(**options))
    assert check_cilium(before, after).startswith(message)
    assert "create another cluster" in check_cilium(before, after)
    assert check_cilium(before, recorded_inputs(with_cilium(hubble=True))) == ""
