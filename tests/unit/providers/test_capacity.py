"""Tests of the comparison of pools with the applications in `capacity`."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from providers.capacity import check_capacity, known_capacities
from settings import Settings, SettingsError, load
from settings.pool_capacity import PoolCapacity
from tests.unit.settings.support import ONE_HOST, TWO_WORKERS, with_edits
from tests.unit.settings.wrong_clouds import AWS, AZURE
from topology.capacity import WorkerSize

MIB, GIB = 1024**2, 1024**3
HOST: dict[str, Any] = {"address": "10.89.0.21", "cpus": 8, "memory": "32Gi"}
HOSTS: dict[str, Any] = {
    "metal.hosts.w-1": HOST,
    "metal.hosts.w-2": HOST | {"address": "10.89.0.22", "cpus": 4, "memory": "16Gi"},
}
PATH = "kubewright:cluster.pools.workers.hosts"
GENERAL: dict[str, Any] = {
    "pools.general": {"size": {"min": 1, "max": 3}, "machine": {"types": ["m5.xlarge", "m6i.2xlarge"]}}
}


def web(replicas: int, cpu: str = "500m", memory: str = "1Gi", **more: object) -> dict[str, Any]:
    return {"replicas": replicas, "cpu": cpu, "memory": memory, **more}


def metal(*, edits: dict[str, Any] | None = None, **applications: object) -> Settings:
    capacity = {"capacity": {"applications": applications, "overhead_percent": 0}}
    return load(with_edits(TWO_WORKERS, {**HOSTS, **capacity, **(edits or {})}))


def cloud(base: dict[str, Any], edits: dict[str, Any], **applications: object) -> Settings:
    return load(with_edits(base, {**edits, "capacity": {"applications": applications}}))


def problem(settings: Settings) -> str:
    with pytest.raises(SettingsError) as caught:
        check_capacity(settings)
    return str(caught.value)


def only(settings: Settings) -> PoolCapacity:
    (pool,) = known_capacities(settings)
    return pool


def test_settings_without_applications_are_not_checked() -> None:
    check_capacity(load(TWO_WORKERS))
    assert known_capacities(load(TWO_WORKERS)) == []


def test_nodes_have_what_kubelets_and_pods_of_every_node_leave() -> None:
    edits = {
        "kubelet": {"max_pods": 50, "system_reserved": {"cpu": "1", "memory": "1Gi"}},
        "capacity.overhead_percent": 10,
        "capacity.per_node": {"agent": {"cpu": "300m", "memory": "200Mi"}},
    }
    larger, smaller = only(metal(edits=edits, web=web(1))).nodes
    # 10 % of 32 GiB, then 1 GiB for the system, 250 MiB for Kubernetes, 1 GiB for evictions, and the agent.
    memory = 32 * GIB * 90 // 100 - 2 * GIB - 450 * MIB
    assert larger == (WorkerSize(Fraction(65, 10), memory, 49), 1)
    assert smaller == (WorkerSize(Fraction(25, 10), 16 * GIB * 90 // 100 - 2 * GIB - 450 * MIB, 49), 1)


def test_eviction_threshold_can_be_a_percentage() -> None:
    edits = {"kubelet": {"eviction_hard": {"memory.available": "25%"}}}
    assert only(metal(edits=edits, web=web(1))).smallest.memory == 12 * GIB - 500 * MIB


def test_least_number_of_nodes_begins_with_the_largest() -> None:
    assert only(metal(web=web(12))).needed == 1
    assert only(metal(web=web(13))).needed == 2


def test_sums_of_a_small_pool_are_shown_with_the_number_of_nodes() -> None:
    assert problem(metal(web=web(20))) == (
        f"{PATH}: too small: the applications of workers need 12 cores (11.2 cores available) with the "
        "reserve; use at least 4 nodes with 3.6 cores, 14.51Gi and 110 pods, or larger machines; kubewright "
        "capacity compares machines"
    )


def test_every_missing_resource_is_named() -> None:
    text = problem(metal(edits={"kubelet": {"max_pods": 10}}, web=web(40)))
    assert "20 pods available" in text.replace("48 pods (20 available)", "20 pods available")
    assert "24 cores (11.2 cores available), 48Gi of memory (45.02Gi available), 48 pods" in text


def test_pod_larger_than_every_node_is_named() -> None:
    assert problem(metal(db=web(1, cpu="7800m"))) == (
        f"{PATH}: a pod of capacity.applications.db requests 7.8 cores and 1Gi; the largest of the nodes "
        "(w-1, w-2) has 7.6 cores, 30.51Gi and 110 pods; use larger machines or smaller pods"
    )


def test_pods_that_fit_by_their_sum_but_onto_no_node_are_named() -> None:
    text = problem(metal(edits={"capacity.reserve_percent": 0}, web=web(4, cpu="2600m")))
    assert "too small: 1 of web: no node of workers has room for these pods beside the others" in text
    assert "use at least 4 nodes with 3.6 cores" in text


def test_pool_with_more_nodes_than_kubernetes_supports_gets_other_advice() -> None:
    text = problem(metal(web=web(20_000, cpu="1")))
    assert "6,667 such nodes would be needed and Kubernetes is tested up to 5,000; use larger" in text


def test_smallest_nodes_that_hold_no_pod_get_no_number() -> None:
    text = problem(metal(web=web(2, cpu="7"), api=web(1)))
    assert text.endswith("use larger machines; kubewright capacity compares machines")


@pytest.mark.parametrize("key", ["cpus", "memory"])
def test_unknown_size_of_a_host_is_a_problem(key: str) -> None:
    host = {name: value for name, value in HOST.items() if name != key}
    text = problem(metal(edits={"metal.hosts.w-1": host}, web=web(1)))
    assert (
        text
        == f"kubewright:cluster.metal.hosts.w-1.{key}: missing; capacity has applications for the nodes of "
        "workers; add it"
    )


def test_schedulable_control_planes_run_applications() -> None:
    one = with_edits(ONE_HOST, {"capacity": {"applications": {"web": web(1)}}})
    assert only(load(one)).path == "control_planes.hosts"
    one["capacity"]["applications"]["web"]["replicas"] = 9
    assert problem(load(one)).startswith("kubewright:cluster.control_planes.hosts: too small")


@pytest.mark.parametrize(
    ("base", "types"),
    [(AWS, ["m5.xlarge", "m6i.2xlarge"]), (AZURE, ["Standard_D4s_v5"])],
)
def test_pool_of_a_cloud_has_the_smallest_of_its_machine_types(
    base: dict[str, Any], types: list[str]
) -> None:
    edits = {"pools.general": {"size": {"min": 1, "max": 3}, "machine": {"types": types}}}
    pool = only(cloud(base, edits, web=web(10)))
    assert pool.nodes == ((WorkerSize(Fraction(36, 10), 16 * GIB * 92 // 100 - GIB - 500 * MIB, 110), 3),)
    assert (pool.needed, pool.path) == (2, "pools.general.size.max")


def test_pool_without_an_autoscaler_has_its_minimum_size() -> None:
    small = cloud(AWS, {**GENERAL, "aws.addons": {"autoscaler": False}}, web=web(10))
    assert problem(small).startswith("kubewright:cluster.pools.general.size.min: too small")


def test_candidates_describe_machine_types_that_no_table_has() -> None:
    edits = {"pools.general": {"size": {"min": 1, "max": 3}, "machine": {"types": ["z9.huge"]}}}
    unknown = cloud(AWS, edits, web=web(1))
    assert problem(unknown) == (
        "kubewright:cluster.capacity.candidates.machines: no CPUs and memory of z9.huge, a machine type of "
        "general; add them"
    )
    candidates = {"date": "2026-11-01", "machines": {"z9.huge": {"cpu": 100, "memory": "1Ti"}}}
    raw = with_edits(AWS, edits | {"capacity": {"applications": {"web": web(1)}, "candidates": candidates}})
    assert only(load(raw)).smallest.cpu == Fraction(996, 10)
