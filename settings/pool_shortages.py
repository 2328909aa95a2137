"""Problems of pools that are too small for their applications [A3]."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from formats.quantity import format_bytes
from settings.cluster import Settings
from settings.pool_capacity import (
    MachineSize,
    PoolCapacity,
    applications_by_pool,
    candidate_size,
    machine_types,
    pool_capacities,
    pool_hosts,
)
from settings.problem import Problem
from topology.capacity import MAX_NODES, WorkerSize, place


def size_problems(settings: Settings, machine_size: MachineSize) -> Iterator[Problem]:
    """Yield a problem for each machine of a pool with applications whose CPUs or memory are unknown."""
    for pool in applications_by_pool(settings):
        for host in pool_hosts(settings, pool) if settings.metal else ():
            size = settings.metal.hosts[host].size if settings.metal else None
            for key, value in (("cpus", size and size.cpus), ("memory", size and size.memory)):
                if not value:
                    yield Problem(
                        f"metal.hosts.{host}.{key}",
                        "",
                        f"missing; capacity has applications for the nodes of {pool}; add it",
                    )
        for name in machine_types(settings, pool):
            if candidate_size(settings, name, machine_size) is None:
                yield Problem(
                    "capacity.candidates.machines",
                    "",
                    f"no CPUs and memory of {name}, a machine type of {pool}; add them",
                )


def pool_problems(settings: Settings, machine_size: MachineSize) -> Iterator[Problem]:
    """Yield a problem for each pool that is too small for its applications with the reserve."""
    for pool in pool_capacities(settings, machine_size):
        message = _large_pod(pool) or _shortage(pool)
        if message:
            yield Problem(pool.path, "", message)


def _large_pod(pool: PoolCapacity) -> str:
    """Return the message about a pod that fits onto no node of a pool, even an empty one; empty without."""
    for application in pool.applications:
        if pool.nodes and not any(size.holds(application) for size, _ in pool.nodes):
            requested = f"{format_cores(application.cpu)} and {format_bytes(application.memory)}"
            return (
                f"a pod of capacity.applications.{application.name} requests {requested}; the largest of the "
                f"nodes ({pool.machines}) has {format_size(pool.nodes[0][0])}; use larger machines or "
                "smaller pods"
            )
    return ""


def _shortage(pool: PoolCapacity) -> str:
    """Return the message about missing nodes; empty if the nodes suffice."""
    requested, available = pool.requested, pool.available
    rows = (
        (
            requested.cpu,
            available.cpu,
            f"{format_cores(requested.cpu)} ({format_cores(available.cpu)} available)",
        ),
        (
            requested.memory,
            available.memory,
            f"{format_bytes(requested.memory)} of memory ({format_bytes(available.memory)} available)",
        ),
        (requested.pods, available.pods, f"{requested.pods:,} pods ({available.pods:,} available)"),
    )
    missing = [text for needed, existing, text in rows if needed > existing]
    if missing:
        reason = f"the applications of {pool.pool} need {', '.join(missing)} with the reserve"
    else:
        unplaced = place(pool.applications, pool.nodes).unplaced
        if not unplaced:
            return ""
        names = ", ".join(f"{count:,} of {name}" for name, count in unplaced)
        reason = f"{names}: no node of {pool.pool} has room for these pods beside the others"
    return f"too small: {reason}; {_advice(pool)}"


def _advice(pool: PoolCapacity) -> str:
    """Return how many nodes a pool needs."""
    compare = "kubewright capacity compares machines"
    try:
        needed = pool.plan().workers
    except ValueError:
        return f"use larger machines; {compare}"
    if needed > MAX_NODES:
        return (
            f"{needed:,} such nodes would be needed and Kubernetes is tested up to {MAX_NODES:,}; use larger "
            f"machines; {compare}"
        )
    return f"use at least {needed:,} nodes with {format_size(pool.smallest)}, or larger machines; {compare}"


def format_cores(cpu: Fraction) -> str:
    """Return a number of cores as text."""
    return f"{round(float(cpu), 3):,.10g} cores"


def format_size(size: WorkerSize) -> str:
    """Return what a node has for pods as text."""
    return f"{format_cores(size.cpu)}, {format_bytes(size.memory)} and {size.pods} pods"
