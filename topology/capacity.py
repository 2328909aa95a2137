"""Calculation of the number of workers for a set of applications [A3].

The limits are from https://kubernetes.io/docs/setup/best-practices/cluster-large/.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class CapacityPlan:
    """The pods, containers and resources of all applications and the reserve, and the workers they need.

    `cpu` is in cores, `memory` in bytes. `workers_by_…` are the numbers of workers that each resource alone
    needs. `exceeded_limits` has a line for each exceeded limit of Kubernetes.
    """

    pods: int
    containers: int
    cpu: Fraction
    memory: int
    workers_by_cpu: int
    workers_by_memory: int
    workers_by_pods: int
    exceeded_limits: tuple[str, ...]

    @property
    def workers(self) -> int:
        """Return the number of required workers."""
        return max(self.workers_by_cpu, self.workers_by_memory, self.workers_by_pods, 1)


def plan_workers(
    applications: Sequence[Application], size: WorkerSize, reserve: Fraction = RESERVE
) -> CapacityPlan:
    """Return the plan for workers of the size `size` that run the applications.

    The plan has resources for the applications and for a reserve. `reserve` is a fraction of their resources.

    Raise ValueError if a pod needs more resources than a worker has.
    """
    for application in applications:
        if application.cpu > size.cpu or application.memory > size.memory:
            raise ValueError(
                f"{application.name}: one pod asks for more than a worker has; use larger workers"
            )
    factor = 1 + reserve
    pods = math.ceil(sum(application.replicas for application in applications) * factor)
    containers = math.ceil(
        sum(application.replicas * application.containers for application in applications) * factor
    )
    cpu = sum((application.replicas * application.cpu for application in applications), Fraction(0)) * factor
    memory = math.ceil(
        sum(application.replicas * application.memory for application in applications) * factor
    )
    result = CapacityPlan(
        pods=pods,
        containers=containers,
        cpu=cpu,
        memory=memory,
        workers_by_cpu=math.ceil(cpu / size.cpu),
        workers_by_memory=math.ceil(memory / size.memory),
        workers_by_pods=math.ceil(pods / size.pods),
        exceeded_limits=(),
    )
    return replace(result, exceeded_limits=_exceeded_limits(result))


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
