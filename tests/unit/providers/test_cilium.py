"""Tests of Cilium in the clouds: the same chart as on bare metal, and its ports in the security groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.components.graph import Graph, Json, without_secret_marks
from tests.unit.providers.aws import program as aws
from tests.unit.providers.azure import program as azure
from tests.unit.providers.program import section, write_index

PORTS = {("udp", 8472), ("tcp", 4240)}


def with_cilium(cluster: Json) -> None:
    network = section(cluster, "network")
    network["cni"] = "cilium"
    for key in ("backend", "policies"):
        network.pop(key, None)


@pytest.fixture(scope="module", params=[aws.graph, azure.graph], ids=["aws", "azure"])
def resources(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    graph: Callable[..., Graph] = request.param
    index = write_index(tmp_path_factory.mktemp("index"), "iproute")

    def edit(cluster: Json) -> None:
        with_cilium(cluster)
        section(cluster, "artifacts")["index"] = str(index)

    return graph(edit)


def chart(resources: Graph) -> dict[str, Any]:
    releases = [node for node in resources.of_type("helm.sh/v3:Release") if node.inputs["name"] == "cilium"]
    (node,) = releases
    inputs: dict[str, Any] = without_secret_marks(node.inputs)
    return inputs


def test_chart_is_that_of_bare_metal(resources: Graph) -> None:
    inputs = chart(resources)
    assert (inputs["chart"], inputs["version"], inputs["skipAwait"]) == ("cilium", "1.20.2", True)
    values = inputs["values"]
    assert values["routingMode"] == "tunnel"
    assert values["ipam"] == {"mode": "kubernetes"}
    assert values["operator"]["replicas"] == 2


def test_agents_have_the_addresses_of_the_control_planes(resources: Graph) -> None:
    urls = chart(resources)["values"]["k8s"]["apiServerURLs"].split(" ")
    assert len(urls) == 3
    assert all(url.startswith("https://10.") and url.endswith(":6443") for url in urls)


def test_security_groups_open_the_ports_of_cilium(resources: Graph) -> None:
    opened = {
        (str(node.inputs["ipProtocol"]), int(node.inputs["fromPort"]))
        for node in resources.of_type(":SecurityGroupIngressRule")
        if node.inputs.get("fromPort") is not None
    }
    opened |= {
        (str(node.inputs["protocol"]).lower(), int(node.inputs["destinationPortRange"]))
        for node in resources.of_type(":SecurityRule")
        if str(node.inputs["destinationPortRange"]).isdigit()
    }
    assert opened >= PORTS
    assert not any(port == 4244 for _, port in opened), "Hubble has no certificates"


def test_other_releases_still_wait_for_their_pods(resources: Graph) -> None:
    others = [node for node in resources.of_type("helm.sh/v3:Release") if node.inputs["name"] != "cilium"]
    assert others
    assert not [node.name for node in others if node.inputs.get("skipAwait")]
