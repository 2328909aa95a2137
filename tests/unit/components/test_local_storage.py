"""Tests of volumes on the disks of nodes in the program, on mocks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from artifacts import catalogue
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, cluster_config
from topology.storage import VOLUMES


def deployed(deploy: Deploy, directory: Path, section: Json | None) -> Graph:
    storage: Json = {} if section is None else {"local": section}
    config: Any = cluster_config(directory, workers=2, storage=storage)
    return deploy(config)


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return deployed(deploy, tmp_path_factory.mktemp("local"), {})


def pod(graph: Graph) -> Any:  # noqa: ANN401 - JSON
    return graph.node("local-storage-pods").inputs["spec"]["template"]


def container(graph: Graph) -> Any:  # noqa: ANN401 - JSON
    [only] = pod(graph)["spec"]["containers"]
    return only


def data(graph: Graph) -> Any:  # noqa: ANN401 - JSON
    return graph.node("local-storage-configuration").inputs["data"]


def directories(graph: Graph) -> dict[str, list[str]]:
    """Return the directories of volumes by node."""
    entries = json.loads(data(graph)["config.json"])["nodePathMap"]
    return {entry["node"]: entry["paths"] for entry in entries}


def storage_class(graph: Graph) -> Any:  # noqa: ANN401 - JSON
    return graph.node("local-storage-class").inputs


def permissions(graph: Graph, role: str) -> set[tuple[str, str]]:
    """Return the permissions of a role: resource and verb."""
    return {
        (resource, verb)
        for rule in graph.node(role).inputs["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_cluster_without_the_section_has_no_local_storage(deploy: Deploy, tmp_path: Path) -> None:
    without = deployed(deploy, tmp_path, None)
    assert not [node.name for node in without.nodes.values() if "local-storage" in node.name]


def test_volumes_wait_for_their_pod_and_are_not_the_default(graph: Graph) -> None:
    inputs = storage_class(graph)
    assert inputs["metadata"]["name"] == "local"
    assert inputs["volumeBindingMode"] == "WaitForFirstConsumer"
    assert inputs["reclaimPolicy"] == "Delete"
    assert inputs["provisioner"] == "rancher.io/local-path"
    assert not inputs.get("allowedTopologies")
    assert "storageclass.kubernetes.io/is-default-class" not in inputs["metadata"]["annotations"]


def test_pod_waits_for_a_missing_directory_instead_of_getting_an_empty_one(graph: Graph) -> None:
    """kubelets make the missing directory of a `hostPath` volume, and refuse a `local` volume without one."""
    assert storage_class(graph)["metadata"]["annotations"]["defaultVolumeType"] == "local"


def test_settings_change_the_class(deploy: Deploy, tmp_path: Path) -> None:
    section: Json = {"class_name": "fast", "default_class": True, "reclaim_policy": "Retain"}
    inputs = storage_class(deployed(deploy, tmp_path, section))
    assert inputs["metadata"]["name"] == "fast"
    assert inputs["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    assert inputs["reclaimPolicy"] == "Retain"


def test_all_nodes_use_the_same_directory_by_default(graph: Graph) -> None:
    assert directories(graph) == {"DEFAULT_PATH_FOR_NON_LISTED_NODES": [VOLUMES]}


def test_pools_and_hosts_have_directories_of_their_own(deploy: Deploy, tmp_path: Path) -> None:
    section: Json = {
        "paths": ["/mnt/other"],
        "pools": {"workers": ["/mnt/a", "/mnt/b"], "control-plane": []},
        "hosts": {"w-2": ["/mnt/c"]},
    }
    graph = deployed(deploy, tmp_path, section)
    assert directories(graph) == {
        "DEFAULT_PATH_FOR_NON_LISTED_NODES": ["/mnt/other"],
        "cp-1": [],
        "w-1": ["/mnt/a", "/mnt/b"],
        "w-2": ["/mnt/c"],
    }
    [term] = storage_class(graph)["allowedTopologies"]
    [expression] = term["matchLabelExpressions"]
    assert expression == {"key": "kubernetes.io/hostname", "values": ["w-1", "w-2"]}


def test_another_configuration_restarts_the_pod(graph: Graph, deploy: Deploy, tmp_path: Path) -> None:
    other = deployed(deploy, tmp_path, {"paths": ["/mnt/other"]})
    annotations = [pod(item)["metadata"]["annotations"] for item in (graph, other)]
    assert annotations[0] != annotations[1]


def test_provisioner_has_no_privileges_and_the_permissions_that_it_needs(graph: Graph) -> None:
    assert pod(graph)["spec"]["securityContext"]["runAsNonRoot"]
    context = container(graph)["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["readOnlyRootFilesystem"]
    changes = {("persistentvolumes", "create"), ("persistentvolumes", "delete")}
    cluster = permissions(graph, "local-storage-role")
    assert {item for item in cluster if item[1] not in ("get", "list", "watch")} == {
        *changes,
        ("persistentvolumeclaims", "update"),
        ("events", "create"),
        ("events", "patch"),
    }
    assert permissions(graph, "local-storage-pods-role") == {
        *(("pods", verb) for verb in ("create", "get", "delete")),
        ("pods/log", "get"),
    }


def test_helper_has_no_token_and_two_capabilities(graph: Graph) -> None:
    helper = yaml.safe_load(data(graph)["helperPod.yaml"])["spec"]
    assert helper["automountServiceAccountToken"] is False
    [only] = helper["containers"]
    # The provisioner reads the log of the container with this name.
    assert only["name"] == "helper-pod"
    assert only["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["DAC_OVERRIDE", "FOWNER"]}
    assert not only["securityContext"]["allowPrivilegeEscalation"]
    account = graph.node("local-storage-default-account").inputs
    assert f"--service-account-name={account['metadata']['name']}" in container(graph)["args"]
    assert account["automountServiceAccountToken"] is False


def test_scripts_make_and_remove_the_directory_of_a_volume(graph: Graph, tmp_path: Path) -> None:
    volume, other = tmp_path / "pvc-1_shop_data", tmp_path / "pvc-2_shop_data"
    other.mkdir()
    for script, exists in (("setup", True), ("setup", True), ("teardown", False), ("teardown", False)):
        environment = {"VOL_DIR": str(volume), "PATH": "/usr/bin:/bin"}
        subprocess.run(["sh", "-c", data(graph)[script]], env=environment, check=True)
        assert volume.is_dir() == exists
        if exists:
            assert volume.stat().st_mode & 0o777 == 0o777, "pods of all users write to their volume"
            (volume / "file").write_text("data")
    assert other.is_dir()


def test_images_are_those_of_the_catalogue(graph: Graph) -> None:
    assert (container(graph)["image"],) == catalogue.images_of("local-path-provisioner")
    [helper] = yaml.safe_load(data(graph)["helperPod.yaml"])["spec"]["containers"]
    assert helper["image"] in catalogue.images()


def test_pod_starts_after_its_permissions_and_its_configuration(graph: Graph) -> None:
    before = graph.dependencies(graph.node("local-storage-pods"))
    assert {
        "local-storage-binding",
        "local-storage-pods-binding",
        "local-storage-configuration",
        "local-storage-namespace",
    } <= before


def test_ports_of_the_pods_are_closed(graph: Graph) -> None:
    policy = graph.node("local-storage-policy").inputs["spec"]
    assert policy["policyTypes"] == ["Ingress"]
    assert not policy.get("ingress")
    assert not policy["podSelector"]
