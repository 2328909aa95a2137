"""Tests of the plan of the capacity in the program, on mocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Json, cluster_config

APPLICATIONS: Json = {"web": {"replicas": 3, "cpu": "500m", "memory": "256Mi"}}


def config(directory: Path, **capacity: object) -> Json:
    cluster = cluster_config(directory, workers=2, capacity={"applications": APPLICATIONS} | capacity)
    metal: Any = cluster["metal"]
    for name in ("w-1", "w-2"):
        metal["hosts"][name] |= {"cpus": 2, "memory": "4Gi"}
    return cluster


def test_plan_is_data_of_a_config_map(deploy: Deploy, tmp_path: Path) -> None:
    graph = deploy(config(tmp_path))
    plan = graph.node("capacity-pools")
    assert plan.inputs["metadata"] == {"name": "kubewright-capacity", "namespace": "kube-system"}
    assert list(plan.inputs["data"]) == ["workers"]
    assert yaml.safe_load(plan.inputs["data"]["workers"]) == {
        "nodes": 2,
        "neededNodes": 2,
        "machines": "w-1, w-2",
        "nodeHas": "1.6 cores, 2.192Gi and 110 pods",
        "cpu": "1.8 cores of 3.2 cores",
        "memory": "921.6Mi of 4.383Gi",
        "pods": "4 of 220",
        "containers": 4,
        "reserve": "20%",
    }


def test_cluster_without_the_section_has_no_plan(deploy: Deploy, tmp_path: Path) -> None:
    graph = deploy(cluster_config(tmp_path, workers=2))
    assert not [name for name in (node.name for node in graph.nodes.values()) if "capacity" in name]


def test_pool_that_is_too_small_stops_the_program(deploy: Deploy, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        deploy(config(tmp_path, reserve_percent=400))
