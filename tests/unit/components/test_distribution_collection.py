"""Tests of garbage collection of the registry in the program, on mocks."""

from __future__ import annotations

import pytest

from components.addons.distribution_collection import RULES
from components.addons.distribution_pods import READER
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph
from tests.unit.components.registries import container, file, pod, spec, steps, with_bucket, with_volume
from topology.distribution import NAMESPACE


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return with_volume(deploy, tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def bucket(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return with_bucket(deploy, tmp_path_factory.mktemp("bucket"))


def test_pods_are_read_only_while_garbage_is_collected(graph: Graph) -> None:
    names = [step["name"] for step in steps(graph)]
    assert names == [
        *("start-readers", "await-readers", "stop-writers", "await-stop"),
        *("collect", "start-writers", "stop-readers", "result"),
    ]
    [stop] = [step["args"] for step in steps(graph) if step["name"] == "stop-writers"]
    assert {"deployment/registry", "--replicas=0"} <= {*stop}
    reader = spec(graph, f"registry-{READER}")
    assert reader["replicas"] == 0
    assert file(graph, "read-only.yml")["storage"]["maintenance"]["readonly"] == {"enabled": True}
    assert container(graph, READER)["command"][-1].endswith("/read-only.yml")
    mounts = {mount["name"]: mount for mount in container(graph, READER)["volumeMounts"]}
    assert mounts["images"]["readOnly"]
    # The selectors differ, so that the wait for the end of writers does not wait for readers.
    [wait] = [step["args"] for step in steps(graph) if step["name"] == "await-stop"]
    labels = spec(graph, "registry-registry")["selector"]["matchLabels"]
    assert f"--selector={','.join(f'{key}={value}' for key, value in sorted(labels.items()))}" in wait
    assert not labels.items() <= reader["template"]["metadata"]["labels"].items()


def test_pods_use_a_volume_on_the_same_node(graph: Graph, bucket: Graph) -> None:
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    job = spec(graph, "registry-collection")["jobTemplate"]["spec"]["template"]["spec"]
    for item in (pod(graph, READER)["spec"], job):
        [term] = item["affinity"]["podAffinity"][required]
        assert term["labelSelector"]["matchLabels"].items() <= pod(graph)["metadata"]["labels"].items()
    assert required not in pod(graph)["spec"]["affinity"]["podAffinity"], "a lost node would keep the pod"
    assert "affinity" not in pod(bucket)["spec"]


def test_shared_storage_is_never_without_pods(bucket: Graph) -> None:
    names = [step["name"] for step in steps(bucket)]
    assert names.index("start-writers") < names.index("await-writers") < names.index("stop-readers")
    assert spec(bucket, "registry-registry")["strategy"]["type"] == "RollingUpdate"


def test_collection_changes_only_the_pods_of_the_registry(graph: Graph) -> None:
    assert graph.node("registry-collection-role").type.endswith(":Role")
    changes = {verb for rule in RULES for verb in rule.verbs} - {"get", "list", "watch"}
    assert changes == {"patch", "update"}
    assert all(rule.names == ("registry", READER) for rule in RULES if {*rule.verbs} & changes)
    assert {rule.resources for rule in RULES if {*rule.verbs} & changes} == {("deployments/scale",)}
    [subject] = graph.node("registry-collection-binding").inputs["subjects"]
    job = spec(graph, "registry-collection")["jobTemplate"]["spec"]["template"]["spec"]
    assert (subject["namespace"], subject["name"]) == (NAMESPACE, job["serviceAccountName"])


def test_collection_repeats_and_reports_a_failure(graph: Graph) -> None:
    [collect] = [step for step in steps(graph) if step["name"] == "collect"]
    assert "--delete-untagged" in collect["command"][-1]
    done = collect["command"][-1].rpartition(":")[2].strip(" >;fi")
    assert done in steps(graph)[-1]["command"][-1]
    job = spec(graph, "registry-collection")
    assert job["concurrencyPolicy"] == "Forbid"
    assert job["jobTemplate"]["spec"]["backoffLimit"] == 2
