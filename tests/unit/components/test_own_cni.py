"""Tests of a cluster for the user's own CNI (`network.cni: none`), on mocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.refused_changes import check_cni, recorded_inputs
from testkit.bundles import cluster
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, cluster_config

SKIP_AWAIT = "pulumi.com/skipAwait"


def deployed(deploy: Deploy, directory: Path, cni: str) -> Graph:
    config = cluster_config(directory, workers=1)
    network: Any = config["network"]
    return deploy(config | {"network": network | {"cni": cni}})


@pytest.mark.parametrize(("cni", "skipped"), [("none", True), ("flannel", False)])
def test_program_waits_for_no_pods_without_a_pod_network(
    deploy: Deploy, tmp_path: Path, cni: str, skipped: bool
) -> None:
    graph = deployed(deploy, tmp_path, cni)
    deployments = graph.of_type("apps/v1:Deployment")
    assert {node.inputs["metadata"]["name"] for node in deployments} == {"coredns", "metrics-server"}
    for node in (*deployments, *graph.of_type("v1:APIService")):
        annotations = node.inputs["metadata"].get("annotations") or {}
        assert (annotations.get(SKIP_AWAIT) == "true") is skipped


def test_cluster_has_no_permissions_for_flannel(deploy: Deploy, tmp_path: Path) -> None:
    def roles(graph: Graph) -> set[str]:
        return {str(node.inputs["metadata"]["name"]) for node in graph.of_type("v1:ClusterRole")}

    removed = roles(deployed(deploy, tmp_path, "flannel")) - roles(deployed(deploy, tmp_path, "none"))
    assert removed == {"kubewright:flannel", "kubewright:network-policies"}


def test_no_warning_about_policies_that_the_own_cni_may_enforce(deploy: Deploy, tmp_path: Path) -> None:
    assert not deployed(deploy, tmp_path, "none").of_type(":IneffectivePolicies")


def test_state_records_only_another_cni(deploy: Deploy, tmp_path: Path) -> None:
    """Test that the state of clusters of earlier versions stays the same."""
    for cni, recorded in (("none", "none"), ("flannel", None)):
        (members,) = deployed(deploy, tmp_path, cni).of_type(":ControlPlane")
        assert members.inputs.get("cni") == recorded
        assert any("refused-changes" in name for names in members.hooks.values() for name in names)


@pytest.mark.parametrize(("old", "new"), [("flannel", "none"), ("none", "flannel")])
def test_change_of_the_cni_is_refused(old: str, new: str) -> None:
    before, after = (recorded_inputs(cluster(cni=name)) for name in (old, new))
    problem = check_cni(before, after)
    assert problem.startswith(f"network.cni: {old} cannot become {new}")
    assert "create another cluster" in problem
    assert check_cni(before, before) == ""
