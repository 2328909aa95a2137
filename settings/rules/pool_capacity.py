"""Rules about applications and the capacity of pools for them [A3].

`providers.capacity` compares the pools with the applications, because it has the tables of machine types.
"""

from __future__ import annotations

from collections.abc import Iterator

from settings.pool_capacity import (
    CONTROL_PLANES,
    default_pool,
    pool_kubelet,
    pool_names,
    to_application,
)
from settings.problem import Problem, suggestion
from settings.rules.base import RuleInput, rule
from topology.capacity import MAX_CONTAINERS, MAX_PODS, total_requests

_SECTION = "capacity"


@rule(needs_valid=(_SECTION,), needs=("pools", "control_planes"))
def applications_have_a_pool(rule_input: RuleInput) -> Iterator[Problem]:
    """Require applications, each with a pool that exists."""
    settings = rule_input.settings
    if settings.capacity is None:
        return
    if not settings.capacity.applications:
        yield Problem(f"{_SECTION}.applications", "", "missing; describe an application, or remove capacity")
    names = pool_names(settings)
    for name, application in settings.capacity.applications.items():
        path = f"{_SECTION}.applications.{name}.pool"
        if application.pool is None:
            if names and not default_pool(settings):
                yield Problem(
                    path, "", f"missing; the cluster has several pools: {', '.join(names)}; name one"
                )
        elif application.pool == CONTROL_PLANES and application.pool not in names:
            yield Problem(
                path, '"control-plane"', "runs no applications; set control_planes.schedulable to true"
            )
        elif application.pool not in names:
            hint = suggestion(application.pool, names, f"the pools are {', '.join(names)}")
            yield Problem(path, f'"{application.pool}"', f"no such pool; {hint}")


@rule(needs_valid=(_SECTION,))
def applications_within_limits(rule_input: RuleInput) -> Iterator[Problem]:
    """Require at most 150,000 pods and 300,000 containers, with the pods of every node and the reserve."""
    settings = rule_input.settings
    capacity = settings.capacity
    if capacity is None:
        return
    nodes = settings.worker_count + len(settings.control_planes.hosts)
    rows = [to_application(name, row, row.replicas) for name, row in capacity.applications.items()]
    rows += [to_application(name, row, nodes) for name, row in capacity.per_node.items()]
    total = total_requests(rows)
    for count, limit, kind in (
        (total.pods, MAX_PODS, "pods"),
        (total.containers, MAX_CONTAINERS, "containers"),
    ):
        if count > limit:
            yield Problem(
                f"{_SECTION}.applications",
                "",
                f"{count:,} {kind}; Kubernetes is tested up to {limit:,}; use fewer, or several clusters",
            )
            return


@rule(needs_valid=(_SECTION, "kubelet"), needs=("pools", "control_planes"))
def nodes_have_room_for_applications(rule_input: RuleInput) -> Iterator[Problem]:
    """Require fewer pods on every node than the kubelets of a pool allow."""
    settings = rule_input.settings
    capacity = settings.capacity
    for pool in pool_names(settings) if capacity and capacity.per_node else ():
        limit = pool_kubelet(settings, pool).max_pods
        if capacity and len(capacity.per_node) >= limit:
            path = "control_planes" if pool == CONTROL_PLANES else f"pools.{pool}"
            yield Problem(
                f"{path}.kubelet.max_pods",
                str(limit),
                f"capacity.per_node has {len(capacity.per_node)} pods for every node, so that no other pod "
                "runs; raise it",
            )


@rule(needs_valid=(_SECTION, "metal"), needs=("aws", "azure"))
def candidates_have_a_size(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the CPUs and memory of candidates on bare metal, where no table has them."""
    settings = rule_input.settings
    table = settings.capacity.candidates if settings.capacity else None
    for name, machine in table.machines.items() if table and settings.metal else ():
        for key in ("cpu", "memory"):
            if getattr(machine, key) is None:
                yield Problem(
                    f"{_SECTION}.candidates.machines.{name}.{key}",
                    "",
                    "missing; no cloud has a table with this machine; add it",
                )
