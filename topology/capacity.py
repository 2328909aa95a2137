"""How many workers a set of applications needs [A3]. Pure.

https://kubernetes.io/docs/setup/best-practices/cluster-large/ is where the limits come from.
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
"""What is added to the sum of requests, for growth and for a worker that is lost."""


@dataclass(frozen=True, slots=True)
class Application:
    """What runs: `replicas` pods, each asking for `cpu` (cores) and `memory` (bytes) in `containers`."""

    name: str
    replicas: int
    cpu: Fraction
    memory: int
    containers: int = 1


@dataclass(frozen=True, slots=True)
class WorkerSize:
    """What a worker offers to pods, what is reserved already taken off. Cores, bytes, pods."""

    cpu: Fraction
    memory: int
    pods: int = MAX_PODS_PER_NODE


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer: workers needed by each measure, reserve included, and problems with the limits."""

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
        """How many workers are needed."""
        return max(self.by_cpu, self.by_memory, self.by_pods, 1)


def plan(applications: Sequence[Application], size: WorkerSize, reserve: Fraction = RESERVE) -> Plan:
    """How many workers of `size` run the applications with `reserve` (a fraction) to spare.

    Raises ValueError when a pod is larger than a worker: no number of them would do.
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
