"""Calculation of the number of workers for a set of applications [A3].

The limits are from https://kubernetes.io/docs/setup/best-practices/cluster-large/.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

MAX_NODES = 5_000
MAX_PODS = 150_000
MAX_CONTAINERS = 300_000
MAX_PODS_PER_NODE = 110
RESERVE = Fraction(20, 100)
"""Default fraction that is added to the sum of requests, for growth and for the loss of a worker."""


@dataclass(frozen=True, slots=True)
class Application:
    """An application of `replicas` pods. Each pod requests `cpu` cores and `memory` bytes."""

    name: str
    replicas: int
    cpu: Fraction
    memory: int
    containers: int = 1


@dataclass(frozen=True, slots=True)
class WorkerSize:
    """The resources of a worker that are available to pods: cores, bytes, and number of pods."""

    cpu: Fraction
    memory: int
    pods: int = MAX_PODS_PER_NODE

    def without(self, pods: Iterable[Application]) -> WorkerSize:
        """Return what pods leave that run on each worker, such as those of a DaemonSet; at least 0.

        The number of their replicas does not count: each worker has one pod of each.
        """
        per_worker = list(pods)
        return WorkerSize(
            cpu=max(self.cpu - sum(pod.cpu for pod in per_worker), Fraction(0)),
            memory=max(self.memory - sum(pod.memory for pod in per_worker), 0),
            pods=max(self.pods - len(per_worker), 0),
        )

    def holds(self, application: Application) -> bool:
        """Check whether an empty worker of this size can run a pod of the application."""
        return self.cpu >= application.cpu and self.memory >= application.memory and self.pods > 0


@dataclass(frozen=True, slots=True)
class CapacityPlan:
    """The pods, containers and resources of all applications and the reserve, and the workers they need.

    `cpu` is in cores, `memory` in bytes. `workers_by_…` are the numbers of workers that each resource alone
    needs, and `workers_by_placement` the number of workers onto which all pods fit, without the reserve.
    `exceeded_limits` has a line for each exceeded limit of Kubernetes.
    """

    pods: int
    containers: int
    cpu: Fraction
    memory: int
    workers_by_cpu: int
    workers_by_memory: int
    workers_by_pods: int
    workers_by_placement: int
    exceeded_limits: tuple[str, ...]

    @property
    def workers(self) -> int:
        """Return the number of required workers."""
        by_resource = max(self.workers_by_cpu, self.workers_by_memory, self.workers_by_pods)
        return max(by_resource, self.workers_by_placement, 1)


@dataclass(frozen=True, slots=True)
class Requests:
    """The pods, containers, cores and bytes of applications together."""

    pods: int
    containers: int
    cpu: Fraction
    memory: int


def total_requests(applications: Iterable[Application], reserve: Fraction = Fraction(0)) -> Requests:
    """Return the sums of the requests of applications with a reserve, which is a fraction of them."""
    rows, factor = list(applications), 1 + reserve
    return Requests(
        pods=math.ceil(sum(row.replicas for row in rows) * factor),
        containers=math.ceil(sum(row.replicas * row.containers for row in rows) * factor),
        cpu=sum((row.replicas * row.cpu for row in rows), Fraction(0)) * factor,
        memory=math.ceil(sum(row.replicas * row.memory for row in rows) * factor),
    )


def plan_workers(
    applications: Sequence[Application], size: WorkerSize, reserve: Fraction = RESERVE
) -> CapacityPlan:
    """Return the plan for workers of the size `size` that run the applications.

    The workers have the sum of the requests and the reserve, and each pod fits onto one of them. `reserve` is
    a fraction of the requests.

    Raise ValueError if a pod needs more resources than a worker has.
    """
    for application in applications:
        if not size.holds(application):
            raise ValueError(
                f"{application.name}: one pod asks for more than a worker has; use larger workers"
            )
    requests = total_requests(applications, reserve)
    result = CapacityPlan(
        pods=requests.pods,
        containers=requests.containers,
        cpu=requests.cpu,
        memory=requests.memory,
        workers_by_cpu=math.ceil(requests.cpu / size.cpu) if requests.cpu else 0,
        workers_by_memory=math.ceil(Fraction(requests.memory, size.memory)) if requests.memory else 0,
        workers_by_pods=math.ceil(Fraction(requests.pods, size.pods)) if requests.pods else 0,
        workers_by_placement=place(applications, [(size, requests.pods)]).workers,
        exceeded_limits=(),
    )
    return replace(result, exceeded_limits=_exceeded_limits(result))


@dataclass(frozen=True, slots=True)
class Placement:
    """The number of workers that got pods, and the number of pods without a worker by application."""

    workers: int
    unplaced: tuple[tuple[str, int], ...]


def place(applications: Sequence[Application], workers: Sequence[tuple[WorkerSize, int]]) -> Placement:
    """Place all pods on workers, whose sizes are given with the number of workers of each size.

    The method is first fit decreasing: workers get pods one after another, each as many of the largest pods
    as it holds, then of the next smaller ones. Another placement may need fewer workers, but this one exists.
    """
    largest = max((size for size, _ in workers), key=lambda size: (size.memory, size.cpu), default=None)
    order = sorted(applications, key=lambda row: _share(row, largest), reverse=True)
    remaining = [row.replicas for row in order]
    used = 0
    for size, count in workers:
        free = count
        while free and any(remaining):
            added = _fill(order, remaining, size)
            if not any(added):
                break
            # Identical workers get identical pods until an application has too few of them left.
            repeats = min(left // pods for left, pods in zip(remaining, added, strict=True) if pods)
            repeats = min(repeats, free)
            remaining = [left - repeats * pods for left, pods in zip(remaining, added, strict=True)]
            used, free = used + repeats, free - repeats
    unplaced = zip(order, remaining, strict=True)
    return Placement(used, tuple((row.name, left) for row, left in unplaced if left))


def _fill(order: Sequence[Application], remaining: Sequence[int], size: WorkerSize) -> list[int]:
    """Return how many pods of each application an empty worker gets."""
    cpu, memory, pods = size.cpu, size.memory, size.pods
    added = []
    for row, left in zip(order, remaining, strict=True):
        by_cpu = math.floor(cpu / row.cpu) if row.cpu else left
        by_memory = memory // row.memory if row.memory else left
        number = min(left, by_cpu, by_memory, pods)
        cpu, memory, pods = cpu - number * row.cpu, memory - number * row.memory, pods - number
        added.append(number)
    return added


def _share(application: Application, size: WorkerSize | None) -> Fraction:
    """Return the larger one of the shares of the cores and of the memory of a worker that a pod requests."""
    if size is None or not size.cpu or not size.memory:
        return Fraction(0)
    return max(application.cpu / size.cpu, Fraction(application.memory, size.memory))


def _exceeded_limits(plan: CapacityPlan) -> tuple[str, ...]:
    """Return a line for each limit of Kubernetes that the plan exceeds."""
    limits = {
        "workers": (plan.workers, MAX_NODES),
        "pods": (plan.pods, MAX_PODS),
        "containers": (plan.containers, MAX_CONTAINERS),
    }
    return tuple(
        f"{count:,} {name}; Kubernetes is tested to {limit:,}"
        for name, (count, limit) in limits.items()
        if count > limit
    )
