"""Rules about the maximum size of a cluster: the tested limits of Kubernetes [A3].

https://kubernetes.io/docs/setup/best-practices/cluster-large/
"""

from __future__ import annotations

from collections.abc import Iterator

from settings.cluster import CLOUD_SECTIONS
from settings.kubelet import DEFAULTS
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from topology.capacity import MAX_NODES, MAX_PODS


@rule(needs=("control_planes.hosts", "pools"))
def nodes_within_limits(rule_input: RuleInput) -> Iterator[Problem]:
    """Require at most 5,000 nodes."""
    settings = rule_input.settings
    count = len(set(settings.control_planes.hosts)) + settings.worker_count
    if count > MAX_NODES:
        yield Problem(
            "pools",
            "",
            f"{count:,} nodes with the control planes; Kubernetes is tested up to {MAX_NODES:,}; use fewer",
        )


@rule(needs_valid=("control_planes", "pools", "kubelet"))
def pods_within_limits(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that all nodes together can run at most 150,000 pods."""
    settings = rule_input.settings
    common = settings.kubelet.applied_to(DEFAULTS)
    control_planes = settings.control_planes
    total = len(control_planes.hosts) * control_planes.kubelet.applied_to(common).max_pods
    for pool in settings.pools.values():
        total += pool.max_nodes * pool.kubelet.applied_to(common).max_pods
    nodes = len(control_planes.hosts) + settings.worker_count
    if nodes <= MAX_NODES and total > MAX_PODS:
        yield Problem(
            "kubelet.max_pods",
            "",
            f"{nodes:,} nodes could run {total:,} pods; Kubernetes is tested up to {MAX_PODS:,}; "
            f"lower it to {MAX_PODS // nodes}",
        )


@rule(needs_valid=("pools", *CLOUD_SECTIONS))
def pools_keep_available_nodes(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a `max_unavailable` below the number of nodes of a pool, if the pool has several nodes.

    Also require at least one host in each pool on bare metal.
    """
    for name, pool in rule_input.settings.pools.items():
        count = pool.max_nodes
        if not count:
            if rule_input.settings.cloud:
                continue
            yield Problem(f"pools.{name}.hosts", "", "is empty; name its hosts or remove the pool")
        elif pool.max_unavailable >= count > 1:
            yield Problem(
                f"pools.{name}.max_unavailable",
                str(pool.max_unavailable),
                f"would take all {count} nodes of the pool at once; allowed: 1 to {count - 1}",
            )


@rule(needs_valid=("control_planes", "pools"))
def workloads_have_nodes(rule_input: RuleInput) -> Iterator[Problem]:
    """Require nodes that can run workloads: a pool, or schedulable control planes."""
    settings = rule_input.settings
    if not settings.worker_hosts and not settings.control_planes.schedulable and not settings.pools:
        yield Problem(
            "control_planes.schedulable",
            "false",
            "there are no pools, so nothing could run; set it to true or name workers in a pool",
        )
