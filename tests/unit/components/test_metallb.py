"""Tests of MetalLB in the program, on mocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from artifacts import catalogue
from components.addons import metallb
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, cluster_config, without_secret_marks
from topology.metallb import NAMESPACE

PASSWORD = "PRIVATE-bgp-password"
SECTION: Json = {
    "asn": 64513,
    "pools": {
        "public": {"addresses": ["10.89.0.240-10.89.0.250", "10.89.0.128/30"]},
        "reserved": {"addresses": ["10.89.0.230-10.89.0.239"], "automatic": False},
        "edge": {"addresses": ["198.51.100.0/28"], "announce": "bgp"},
    },
    "peers": {
        "rack": {"address": "10.89.0.1", "asn": 64512, "password": PASSWORD},
        "spare": {"address": "10.89.0.2", "asn": 64512, "port": 1179, "hold_time": "30s"},
    },
}
LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"


def deployed(deploy: Deploy, directory: Path, section: Json | None, workers: int = 2) -> Graph:
    addons = {} if section is None else {"load_balancer": section}
    return deploy(cluster_config(directory, workers=workers, addons=addons))


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return deployed(deploy, tmp_path_factory.mktemp("metallb"), SECTION)


def spec(graph: Graph, name: str) -> Any:  # noqa: ANN401 - JSON
    return without_secret_marks(graph.node(name).inputs["spec"])


def pod(graph: Graph, name: str) -> Any:  # noqa: ANN401 - JSON
    return spec(graph, name)["template"]["spec"]


def definitions() -> list[Any]:
    documents = filter(None, yaml.safe_load_all(metallb._DEFINITIONS.read_text()))
    return [document["spec"] for document in documents]


def test_cluster_without_the_section_has_no_metallb(deploy: Deploy, tmp_path: Path) -> None:
    without = deployed(deploy, tmp_path, None)
    assert not [node.name for node in without.nodes.values() if "metallb" in node.name]
    assert LABEL not in str([node.inputs for node in without.nodes.values()])
    assert "7946" not in without.node("w-1-node").text("create")


def test_pools_are_the_ranges_of_the_settings(graph: Graph) -> None:
    assert spec(graph, "metallb-ipaddresspool-public") == {
        "addresses": ["10.89.0.240-10.89.0.250", "10.89.0.128-10.89.0.131"],
        "autoAssign": True,
    }
    assert spec(graph, "metallb-ipaddresspool-reserved")["autoAssign"] is False
    assert spec(graph, "metallb-l2advertisement-kubewright") == {"ipAddressPools": ["public", "reserved"]}
    assert spec(graph, "metallb-bgpadvertisement-kubewright") == {"ipAddressPools": ["edge"]}


def test_cluster_without_bgp_has_neither_peers_nor_their_advertisement(
    deploy: Deploy, tmp_path: Path
) -> None:
    pools: Json = {"pools": {"public": {"addresses": ["10.89.0.240-10.89.0.250"]}}}
    kinds = {node.type.split(":")[-1] for node in deployed(deploy, tmp_path, pools).nodes.values()}
    assert {"IPAddressPool", "L2Advertisement"} <= kinds
    assert not {"BGPPeer", "BGPAdvertisement"} & kinds


def test_peers_are_sessions_with_a_hold_time_below_ten_seconds(graph: Graph) -> None:
    assert spec(graph, "metallb-bgppeer-spare") == {
        "peerAddress": "10.89.0.2",
        "peerPort": 1179,
        "peerASN": 64512,
        "myASN": 64513,
        "holdTime": "30s",
    }
    rack = spec(graph, "metallb-bgppeer-rack")
    assert (rack["holdTime"], rack["peerPort"]) == ("6s", 179)
    assert rack["passwordSecret"] == {"name": "bgp-peer-rack", "namespace": NAMESPACE}


def test_passwords_of_peers_are_secret(graph: Graph) -> None:
    secret = graph.node("metallb-password-rack")
    assert secret.inputs["type"] == "kubernetes.io/basic-auth"
    assert without_secret_marks(secret.inputs["stringData"]) == {"password": PASSWORD}
    for node in graph.nodes.values():
        assert not [text for text in node.plain_texts() if PASSWORD in text], node.name
    assert "metallb-password-rack" in graph.dependencies(graph.node("metallb-bgppeer-rack"))


def test_objects_wait_for_the_namespace_and_the_definitions(graph: Graph) -> None:
    definitions = {node.name for node in graph.nodes.values() if "-definition-" in node.name}
    assert len(definitions) == 9
    for name in ("metallb-ipaddresspool-public", "metallb-bgppeer-rack", "metallb-speaker"):
        assert {*definitions, "metallb-namespace"} <= graph.dependencies(graph.node(name)), name
    assert "metallb-controller" in graph.dependencies(graph.node("metallb-speaker"))


def test_add_on_is_one_component(graph: Graph) -> None:
    component = graph.node("metallb")
    children = [node for node in graph.nodes.values() if node.name.startswith("metallb-")]
    assert len(children) > 30
    assert {node.parent for node in children} == {component.urn}


def test_images_are_optional_images_of_the_catalogue(graph: Graph) -> None:
    used = {pod(graph, f"metallb-{name}")["containers"][0]["image"] for name in ("controller", "speaker")}
    assert used == set(catalogue.images_of("metallb"))


def test_speakers_run_on_every_node_and_a_lost_node_blocks_no_run(graph: Graph) -> None:
    speaker = graph.node("metallb-speaker")
    assert speaker.inputs["metadata"]["annotations"] == {"pulumi.com/skipAwait": "true"}
    template = pod(graph, "metallb-speaker")
    assert template["tolerations"] == [{"operator": "Exists"}]
    assert template["priorityClassName"] == "system-node-critical"
    [container] = template["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_RAW"]}
    assert "cpu" not in container["resources"]["limits"]


def test_controller_moves_from_a_lost_node_after_half_a_minute(graph: Graph) -> None:
    seconds = {
        item["key"]: item.get("tolerationSeconds") for item in pod(graph, "metallb-controller")["tolerations"]
    }
    assert seconds["node.kubernetes.io/unreachable"] == seconds["node.kubernetes.io/not-ready"] == 30


def test_two_controllers_never_run_at_the_same_time(graph: Graph) -> None:
    controller = spec(graph, "metallb-controller")
    assert (controller["replicas"], controller["strategy"]) == (1, {"type": "Recreate"})


@pytest.mark.parametrize("name", ["controller", "speaker"])
def test_no_workload_opens_a_port_for_metrics(graph: Graph, name: str) -> None:
    [container] = pod(graph, f"metallb-{name}")["containers"]
    assert "--port=0" in container["args"]
    assert "ports" not in container


def test_memberlist_is_open_between_machines(graph: Graph) -> None:
    rules = graph.node("w-1-node").text("create")
    for protocol in ("tcp", "udp"):
        assert f"ip saddr 10.89.0.0/24 {protocol} dport 7946 accept" in rules
        assert f"ip saddr 10.244.0.0/16 {protocol} dport 7946 drop" in rules


@pytest.mark.parametrize(("workers", "labeled"), [(2, True), (0, False)])
def test_control_planes_announce_only_if_they_are_workers(
    deploy: Deploy, tmp_path: Path, workers: int, labeled: bool
) -> None:
    labels = deployed(deploy, tmp_path, SECTION, workers).node("cluster-pool-control-plane-labels")
    assert (LABEL in labels.text("create")) is labeled


def test_definitions_belong_to_the_version_of_the_catalogue() -> None:
    text = metallb._DEFINITIONS.read_text()
    [version] = catalogue.supported_versions("metallb")
    assert f"The definitions of MetalLB {version}, unchanged" in text
    assert f"go.universe.tf/metallb v{version}" in text


def test_objects_match_their_definitions(graph: Graph) -> None:
    """API servers remove unknown fields without an error, because the definitions do not preserve them."""
    schemas = {
        f"kubernetes:metallb.io/{version['name']}:{item['names']['kind']}": version["schema"]
        for item in definitions()
        for version in item["versions"]
    }
    objects = [node for node in graph.nodes.values() if ":metallb.io/" in node.type]
    assert len(objects) == 7
    for node in objects:
        schema = schemas[node.type]["openAPIV3Schema"]["properties"]["spec"]
        validator = Draft202012Validator(schema | {"additionalProperties": False})
        assert not [error.message for error in validator.iter_errors(spec(graph, node.name))], node.name


def test_permissions_cover_every_definition() -> None:
    """Informers of a kind without permission would keep the workloads from starting."""
    plurals = {item["names"]["plural"] for item in definitions()}
    tables = (*metallb._CLUSTER_RULES.values(), *metallb._NAMESPACE_RULES.values())
    permitted = {name for table in tables for rule in table for name in rule.resources}
    assert plurals <= permitted


def test_only_the_controller_writes_services_and_secrets() -> None:
    def writes(account: str) -> set[str]:
        rules = (*metallb._CLUSTER_RULES[account], *metallb._NAMESPACE_RULES[account])
        return {
            name
            for rule in rules
            for name in rule.resources
            if rule.group == "" and {"create", "update", "patch", "delete"} & set(rule.verbs)
        }

    assert writes("controller") == {"services/status", "secrets", "events"}
    assert writes("speaker") == {"events"}
