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
"""The fraction added to the sum of requests, for growth and for the loss of a worker."""


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
class Plan:
    """The required resources and numbers of workers, with the reserve. `problems` are exceeded limits."""

    pods: int
    containers: int
    cpu: Fraction
    memory: int
    by_cpu: int
    by_memory: int
    by_pods: int
    problems: tuple[str, ...]

    @property
    def workers(self) -> int:
        """Return the number of required workers."""
        return max(self.by_cpu, self.by_memory, self.by_pods, 1)


def plan(applications: Sequence[Application], size: WorkerSize, reserve: Fraction = RESERVE) -> Plan:
    """Return how many workers of `size` the applications need, with `reserve` (a fraction) in addition.

    Raises ValueError if a pod needs more resources than a worker has.
    """
    for item in applications:
        if item.cpu > size.cpu or item.memory > size.memory:
            raise ValueError(f"{item.name}: one pod asks for more than a worker has; use larger workers")
    factor = 1 + reserve
    pods = math.ceil(sum(item.replicas for item in applications) * factor)
    containers = math.ceil(sum(item.replicas * item.containers for item in applications) * factor)
    cpu = sum((item.replicas * item.cpu for item in applications), Fraction(0)) * factor
    memory = math.ceil(sum(item.replicas * item.memory for item in applications) * factor)
    result = Plan(
        pods=pods,
        containers=containers,
        cpu=cpu,
        memory=memory,
        by_cpu=math.ceil(cpu / size.cpu),
        by_memory=math.ceil(memory / size.memory),
        by_pods=math.ceil(pods / size.pods),
        problems=(),
    )
    return replace(result, problems=_exceeded_limits(result))


def _exceeded_limits(plan: Plan) -> tuple[str, ...]:
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
