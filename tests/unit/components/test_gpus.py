"""Tests of the RuntimeClass of clusters with GPUs, on mocks."""

from __future__ import annotations

from pathlib import Path

from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, cluster_config

RELEASE: Json = {
    "chart": "nvidia-device-plugin",
    "repository": "https://nvidia.github.io/k8s-device-plugin",
    "version": "0.17.4",
    "values": {"runtimeClassName": "nvidia"},
}


def deployed(deploy: Deploy, directory: Path, *pools_with_gpus: str) -> Graph:
    """Return the resources of a cluster with three pools and a release."""
    pools: dict[str, Json] = {f"pool-{n}": {"hosts": [f"w-{n}"]} for n in (1, 2, 3)}
    for name in pools_with_gpus:
        pools[name]["gpu"] = "nvidia"
    releases = {"device-plugin": RELEASE}
    return deploy(cluster_config(directory, workers=3, pools=pools, helm_releases=releases))


def test_cluster_without_gpus_has_no_runtime_class(deploy: Deploy, tmp_path: Path) -> None:
    graph = deployed(deploy, tmp_path)
    assert not graph.of_type(":RuntimeClass")
    assert not graph.of_type(":GpuRuntimeClass")


def test_all_pools_with_gpus_share_one_runtime_class(deploy: Deploy, tmp_path: Path) -> None:
    graph = deployed(deploy, tmp_path, "pool-1", "pool-2")
    (runtime_class,) = graph.of_type(":RuntimeClass")
    assert runtime_class.inputs["metadata"] == {"name": "nvidia"}
    assert runtime_class.inputs["handler"] == "nvidia"
    assert runtime_class.inputs["scheduling"] == {
        "nodeSelector": {"nvidia.com/gpu.present": "true"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }


def test_releases_wait_for_the_runtime_class(deploy: Deploy, tmp_path: Path) -> None:
    graph = deployed(deploy, tmp_path, "pool-1")
    (release,) = graph.of_type("helm.sh/v3:Release")
    (runtime_class,) = graph.of_type(":RuntimeClass")
    assert runtime_class.name in {name.rsplit("::", 1)[-1] for name in graph.dependencies(release)}
