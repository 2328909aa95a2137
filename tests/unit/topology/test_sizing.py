"""Tests of presets of machine sizes and of the capacity plan."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly import build_topology
from formats.quantity import format_bytes, parse_bytes, parse_quantity
from settings import load
from tests.unit.settings.support import ONE_HOST, TWO_WORKERS, with_edits
from topology.capacity import Application, WorkerSize, plan_workers
from topology.sizing import GIB, size_warnings

SMALL = {"metal.hosts.w-1": {"address": "10.89.0.21", "cpus": 2, "memory": "3Gi"}}


def test_warning_names_the_host_with_both_sizes() -> None:
    lines = size_warnings(build_topology(load(with_edits(TWO_WORKERS, {**SMALL, "environment": "test"}))))
    assert lines == [
        "host cp-1: below the size of a control-plane for test: 21.5 GB disk of 40 GB",
        "host w-1: below the size of a node for test: 2 CPUs of 4, 3 GiB memory of 8 GiB",
    ]


def test_large_enough_and_unknown_hosts_give_no_warning() -> None:
    assert size_warnings(build_topology(load(TWO_WORKERS))) == []


def test_schedulable_control_plane_is_compared_with_the_worker_preset() -> None:
    (line,) = size_warnings(build_topology(load(with_edits(ONE_HOST, {"environment": "production"}))))
    assert line == "host only: below the size of a node for production: 2 CPUs of 8, 4 GiB memory of 64 GiB"


@pytest.mark.parametrize("environment", ["poc", "lab", "test", "production"])
def test_every_environment_has_a_preset(environment: str) -> None:
    tiny = {"metal.hosts.only.cpus": 1, "metal.hosts.only.memory": "1600Mi", "environment": environment}
    assert len(size_warnings(build_topology(load(with_edits(ONE_HOST, tiny))))) == 1


def test_capacity_plan_matches_a_manual_calculation() -> None:
    applications = [
        Application("web", replicas=10, cpu=Fraction(1, 2), memory=GIB),
        Application("db", replicas=3, cpu=Fraction(2), memory=8 * GIB, containers=2),
    ]
    result = plan_workers(applications, WorkerSize(cpu=Fraction(4), memory=16 * GIB))
    # Requests of 11 cores and 34 GiB with a reserve of 20 % are 13.2 cores and 40.8 GiB.
    assert (result.workers_by_cpu, result.workers_by_memory, result.workers_by_pods, result.workers) == (
        4,
        3,
        1,
        4,
    )
    assert (result.pods, result.containers) == (16, 20)
    assert (result.cpu, result.memory) == (Fraction(132, 10), math.ceil(GIB * Fraction(408, 10)))
    assert result.exceeded_limits == ()


def test_plan_without_a_reserve_or_applications() -> None:
    size = WorkerSize(Fraction(4), 16 * GIB, pods=2)
    exact = plan_workers([Application("web", 4, Fraction(2), 8 * GIB)], size, Fraction(0))
    assert (exact.workers_by_cpu, exact.workers_by_memory, exact.workers_by_pods) == (2, 2, 2)
    assert (exact.pods, exact.containers, exact.cpu, exact.memory) == (4, 4, Fraction(8), 32 * GIB)
    empty = plan_workers([], size)
    assert (empty.pods, empty.containers, empty.cpu, empty.memory, empty.workers) == (0, 0, Fraction(0), 0, 1)


@pytest.mark.parametrize("size", [WorkerSize(Fraction(4), 16 * GIB), WorkerSize(Fraction(16), 4 * GIB)])
def test_pod_larger_than_a_worker_is_an_error(size: WorkerSize) -> None:
    web, db = Application("web", 1, Fraction(1), GIB), Application("db", 1, Fraction(8), 8 * GIB)
    with pytest.raises(ValueError, match="db: one pod asks for more than a worker has; use larger"):
        plan_workers([web, db], size)
    assert plan_workers([db], WorkerSize(Fraction(8), 8 * GIB)).workers == 2


def test_limits_of_kubernetes_themselves_are_not_exceeded() -> None:
    size = WorkerSize(Fraction(1), GIB, pods=30)
    full = Application("full", 150_000, Fraction(1, 30), 2**20, containers=2)
    assert plan_workers([full], size, Fraction(0)).exceeded_limits == ()
    more = replace(full, replicas=150_001)
    assert plan_workers([more], size, Fraction(0)).exceeded_limits == (
        "5,001 workers; Kubernetes is tested to 5,000",
        "150,001 pods; Kubernetes is tested to 150,000",
        "300,002 containers; Kubernetes is tested to 300,000",
    )


def test_plan_above_the_tested_limits_has_problems() -> None:
    crowd = [Application("crowd", 130_000, Fraction(1, 100), 2**20, containers=2)]
    result = plan_workers(crowd, WorkerSize(Fraction(64), 256 * GIB))
    assert result.exceeded_limits == (
        "156,000 pods; Kubernetes is tested to 150,000",
        "312,000 containers; Kubernetes is tested to 300,000",
    )


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(1, 4000), st.integers(1, 16 * GIB)), max_size=6),
    st.integers(4000, 64_000),
    st.integers(16 * GIB, 256 * GIB),
)
def test_planned_workers_are_sufficient_and_minimal(
    requests: list[tuple[int, int, int]], millis: int, memory: int
) -> None:
    applications = [
        Application(str(n), *row) for n, row in enumerate((r, Fraction(c, 1000), m) for r, c, m in requests)
    ]
    size = WorkerSize(Fraction(millis, 1000), memory)
    result = plan_workers(applications, size)
    assert result.workers * size.cpu >= result.cpu
    assert result.workers * size.memory >= result.memory
    assert result.workers * size.pods >= result.pods
    fewer = result.workers - 1
    assert fewer == 0 or (
        fewer * size.cpu < result.cpu
        or fewer * size.memory < result.memory
        or fewer * size.pods < result.pods
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250m", Fraction(1, 4)),
        ("4Gi", 4 * GIB),
        ("1.5", Fraction(3, 2)),
        ("2k", 2000),
        (".5", Fraction(1, 2)),
    ],
)
def test_quantities_are_parsed(text: str, value: Fraction | int) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "1gb", "-1", "1 Gi", "Gi", "1Gi\n", "٣"])
def test_invalid_quantities_are_errors(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        parse_bytes(text)


def test_bytes_are_formatted() -> None:
    assert (format_bytes(1536), format_bytes(3 * GIB), format_bytes(5)) == ("1.5Ki", "3Gi", "5")
