"""Tests of the number of workers that applications need."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topology.capacity import Application, WorkerSize, place, plan_workers, total_requests
from topology.sizing import GIB

SMALL_REQUESTS = st.lists(
    st.builds(
        Application,
        st.uuids().map(str),
        st.integers(0, 40),
        st.integers(0, 4000).map(lambda millis: Fraction(millis, 1000)),
        st.integers(0, 16 * GIB),
        st.integers(1, 4),
    ),
    max_size=5,
)
SIZES = st.builds(
    WorkerSize,
    st.integers(4000, 64_000).map(lambda millis: Fraction(millis, 1000)),
    st.integers(16 * GIB, 256 * GIB),
    st.integers(1, 110),
)


def placed_one_by_one(applications: list[Application], sizes: list[WorkerSize]) -> tuple[int, int]:
    """Return the number of used workers and of unplaced pods. The first worker with room gets a pod."""
    largest = max(sizes, key=lambda size: (size.memory, size.cpu))

    def share(row: Application) -> Fraction:
        return max(row.cpu / largest.cpu, Fraction(row.memory, largest.memory))

    free = list(sizes)
    used, unplaced = set(), 0
    for row in sorted(applications, key=share, reverse=True):
        for _ in range(row.replicas):
            for number, room in enumerate(free):
                if room.holds(row):
                    free[number] = room.without([row])
                    used.add(number)
                    break
            else:
                unplaced += 1
    return len(used), unplaced


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


@given(SMALL_REQUESTS, SIZES)
def test_planned_workers_are_sufficient_and_minimal(
    applications: list[Application], size: WorkerSize
) -> None:
    result = plan_workers(applications, size)
    assert result.workers * size.cpu >= result.cpu
    assert result.workers * size.memory >= result.memory
    assert result.workers * size.pods >= result.pods
    assert not place(applications, [(size, result.workers)]).unplaced
    fewer = result.workers - 1
    assert fewer == 0 or (
        fewer * size.cpu < result.cpu
        or fewer * size.memory < result.memory
        or fewer * size.pods < result.pods
        or place(applications, [(size, fewer)]).unplaced
    )


@settings(max_examples=60)
@given(SMALL_REQUESTS, st.lists(st.tuples(SIZES, st.integers(1, 6)), min_size=1, max_size=3))
def test_placement_is_that_of_single_pods(
    applications: list[Application], workers: list[tuple[WorkerSize, int]]
) -> None:
    """The calculation with groups of identical workers is first fit decreasing."""
    expected = placed_one_by_one(applications, [size for size, count in workers for _ in range(count)])
    result = place(applications, workers)
    assert (result.workers, sum(count for _, count in result.unplaced)) == expected


@given(SMALL_REQUESTS, SIZES, st.integers(1, 30))
def test_another_worker_never_leaves_more_pods_unplaced(
    applications: list[Application], size: WorkerSize, count: int
) -> None:
    def unplaced(workers: int) -> int:
        return sum(left for _, left in place(applications, [(size, workers)]).unplaced)

    assert unplaced(count + 1) <= unplaced(count)


@given(SMALL_REQUESTS, SIZES, st.integers(0, 200), st.integers(0, 200))
def test_larger_reserve_never_needs_fewer_workers(
    applications: list[Application], size: WorkerSize, percent: int, more: int
) -> None:
    smaller, larger = Fraction(percent, 100), Fraction(percent + more, 100)
    assert (
        plan_workers(applications, size, smaller).workers <= plan_workers(applications, size, larger).workers
    )


@given(SMALL_REQUESTS, SIZES)
def test_placement_needs_at_least_the_workers_of_the_sums(
    applications: list[Application], size: WorkerSize
) -> None:
    requests, workers = total_requests(applications), place(applications, [(size, 1000)]).workers
    assert workers * size.cpu >= requests.cpu
    assert workers * size.memory >= requests.memory
    assert workers * size.pods >= requests.pods


def test_pods_that_do_not_fit_together_need_more_workers_than_their_sum() -> None:
    """Three cores of four: one core of each worker stays free."""
    web = Application("web", 10, Fraction(3), GIB)
    result = plan_workers([web], WorkerSize(Fraction(4), 16 * GIB), Fraction(0))
    assert (result.workers_by_cpu, result.workers_by_placement, result.workers) == (8, 10, 10)


def test_largest_plan_takes_no_time_per_pod() -> None:
    rows = [Application(str(n), 1_000, Fraction(1, 10 + n), 2**20 * (1 + n)) for n in range(100)]
    assert plan_workers(rows, WorkerSize(Fraction(30), 120 * GIB)).pods == 120_000


def test_pods_on_every_worker_reduce_its_size() -> None:
    agent = Application("agent", 1, Fraction(1, 10), GIB)
    size = WorkerSize(Fraction(1), 2 * GIB, 10).without([agent, agent])
    assert size == WorkerSize(Fraction(8, 10), 0, 8)
    assert WorkerSize(Fraction(0), 0, 1).without([agent, agent]) == WorkerSize(Fraction(0), 0, 0)
