"""Tests of the Helm releases of add-ons that clouds share, on mocks."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from artifacts.components import CNI_PLUGINS
from tests.unit.components.graph import Graph, Json
from tests.unit.providers.aws.program import graph as aws_graph
from tests.unit.providers.azure.program import graph as azure_graph
from tests.unit.providers.program import ROOT, ConfigEdit, section

CLOUD_CONTROLLERS = {"aws-cloud-controller-manager", "cloud-provider-azure"}
GraphOf = Callable[[ConfigEdit | None], Graph]


@pytest.fixture(scope="module")
def without_cni(tmp_path_factory: pytest.TempPathFactory) -> ConfigEdit:
    """Return the edit for the user's own CNI. The index of the example gets the other plugins of upstream."""
    index = json.loads((ROOT / "mirrors/example.json").read_text())
    (version,) = {name.split("/")[1] for name in index["files"] if name.startswith("cni-bridge/")}
    for plugin in CNI_PLUGINS:
        name = f"{plugin}/{version}"
        index["files"].setdefault(name, {"path": f"files/{name}/x", "sha256": "0" * 64, "size": 1})
    file = tmp_path_factory.mktemp("index") / "index.json"
    file.write_text(json.dumps(index))

    def edit(cluster: Json) -> None:
        section(cluster, "network")["cni"] = "none"
        section(cluster, "artifacts")["index"] = str(file)

    return edit


def waits(graph: Graph) -> dict[str, bool]:
    """Return for each release of an add-on whether it waits for its pods."""
    releases = {str(node.inputs["name"]): node.inputs for node in graph.of_type(":Release")}
    assert all(bool(inputs["atomic"]) is not bool(inputs.get("skipAwait")) for inputs in releases.values())
    return {name: bool(inputs["atomic"]) for name, inputs in releases.items()}


@pytest.mark.parametrize("graph", [aws_graph, azure_graph])
def test_releases_wait_for_their_pods(graph: GraphOf) -> None:
    assert set(waits(graph(None)).values()) == {True}


@pytest.mark.parametrize("graph", [aws_graph, azure_graph])
def test_only_cloud_controllers_are_awaited_without_a_pod_network(
    graph: GraphOf, without_cni: ConfigEdit
) -> None:
    """Other pods start only after the user has installed a CNI, which needs the finished cluster."""
    awaited = {name for name, wait in waits(graph(without_cni)).items() if wait}
    assert awaited
    assert awaited <= CLOUD_CONTROLLERS
