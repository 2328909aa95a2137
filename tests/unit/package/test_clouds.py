"""Tests of `KubernetesCluster` in clouds with mocks: two clusters in one program, and their outputs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import cast

import pulumi
import pytest

from package.arguments import KubernetesClusterArgs
from package.component import KubernetesCluster
from tests.unit.components.graph import Graph, Json, PluginMocks, record_graph, without_secret_marks
from tests.unit.providers.aws import program as aws
from tests.unit.providers.azure import program as azure
from tests.unit.providers.program import ExampleStack

OUTPUTS = ("network_id", "subnet_ids", "role_names")


@dataclass(frozen=True)
class Cloud:
    """An example stack of a cloud, and the graph of two such clusters in one program."""

    example: ExampleStack
    graph: Graph


@pytest.fixture(scope="module", params=["aws", "azure"])
def cloud(request: pytest.FixtureRequest) -> Cloud:
    module = {"aws": aws, "azure": azure}[request.param]
    example: ExampleStack = module.EXAMPLE
    plugins: PluginMocks = {"aws": aws.AwsPlugins, "azure": azure.AzurePlugins}[request.param]()

    def program() -> None:
        for name in ("east", "west"):
            arguments = example.config(module.with_all_features) | {"name": name}
            cluster = KubernetesCluster(name, cast(KubernetesClusterArgs, arguments))
            for output in OUTPUTS:
                pulumi.export(f"{name}-{output}", getattr(cluster, output))

    return Cloud(example, record_graph(program, plugins=plugins))


def test_names_are_unique_for_their_type(cloud: Cloud) -> None:
    # The mock of the engine also refuses duplicate URNs, which contain types of parents.
    registered = Counter(urn.rsplit("$", 1)[-1] for urn in cloud.graph.nodes)
    assert len(registered) > 200
    assert not {item for item, count in registered.items() if count > 1}


def test_every_resource_has_the_prefix_of_its_cluster(cloud: Cloud) -> None:
    without = {
        node.name for node in cloud.graph.nodes.values() if not node.name.startswith(("east-", "west-"))
    }
    assert without == {"kubewright-test", "east", "west"}


def test_all_resources_are_below_the_component(cloud: Cloud) -> None:
    top_level = {node.name for node in cloud.graph.nodes.values() if node.parent.endswith("kubewright-test")}
    assert top_level == {"east", "west"}


def test_hooks_of_the_clusters_have_different_names(cloud: Cloud) -> None:
    hooks = {
        name: {
            hook
            for node in cloud.graph.nodes.values()
            if node.name.startswith(f"{name}-")
            for bound in node.hooks.values()
            for hook in bound
        }
        for name in ("east", "west")
    }
    assert hooks["east"]
    assert not hooks["east"] & hooks["west"]


def test_a_cluster_has_the_same_resources_as_the_program(cloud: Cloud) -> None:
    module = {"aws": aws, "azure": azure}["aws" if cloud.example is aws.EXAMPLE else "azure"]
    expected = {
        item for item in cloud.example.graph(module.with_all_features).names if item[1] != "kubewright-test"
    }
    for prefix in ("east-", "west-"):
        found = {
            (node.type, node.name.removeprefix(prefix))
            for node in cloud.graph.nodes.values()
            if node.name.startswith(prefix)
        }
        assert found == expected


def test_outputs_identify_network_and_roles(cloud: Cloud) -> None:
    outputs = cast(Json, without_secret_marks(cloud.graph.outputs))
    for name in ("east", "west"):
        assert outputs[f"{name}-network_id"]
        assert len(cast(list[str], outputs[f"{name}-subnet_ids"])) >= 2
        assert {"control-plane"} <= set(cast(Json, outputs[f"{name}-role_names"]))


def test_the_program_of_the_checkout_has_the_same_outputs(cloud: Cloud) -> None:
    assert set(OUTPUTS) <= set(cloud.example.graph().outputs)
