"""What the add-ons' workloads have in common: where they run, with what rights, how they are probed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.policy.v1 as policy
from pulumi import ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from topology.model import Topology


def spread(
    labels: Mapping[str, str], *, replicas: int, must: bool
) -> list[core.TopologySpreadConstraintArgs] | None:
    """Replicas on different nodes; `must`: one that finds no other node waits for it.

    It must be in a highly available cluster alone: with two nodes the second replica has to be able
    to run while one of them is lost.
    """
    if replicas == 1:
        return None
    return [
        core.TopologySpreadConstraintArgs(
            max_skew=1,
            # With fewer nodes than this, an absent one counts as empty: the second replica waits for it.
            min_domains=replicas if must else None,
            topology_key="kubernetes.io/hostname",
            when_unsatisfiable="DoNotSchedule" if must else "ScheduleAnyway",
            label_selector=LabelSelectorArgs(match_labels=dict(labels)),
            match_label_keys=["pod-template-hash"],
        )
    ]


def trusting(topology: Topology) -> dict[str, str]:
    """Annotations of pods that must be started again when what the cluster trusts changes.

    Few programs read it twice. None for a cluster whose authority was never rotated.
    """
    rotations = dict(topology.certificates.rotations)
    if "kubernetes" not in rotations:
        return {}
    return {"kubewright.dev/trusts": " ".join(map(str, rotations["kubernetes"].trusted))}


def system_tolerations() -> list[core.TolerationArgs]:
    """What the cluster itself needs may run on control planes."""
    return [
        core.TolerationArgs(key="CriticalAddonsOnly", operator="Exists"),
        core.TolerationArgs(
            key="node-role.kubernetes.io/control-plane", operator="Exists", effect="NoSchedule"
        ),
    ]


def rolling_update() -> apps.DeploymentStrategyArgs:
    """One replica at a time."""
    return apps.DeploymentStrategyArgs(
        type="RollingUpdate", rolling_update=apps.RollingUpdateDeploymentArgs(max_unavailable=1)
    )


def restricted(*, add: Sequence[str] = ()) -> core.SecurityContextArgs:
    """A container without rights; `add` are capabilities."""
    return core.SecurityContextArgs(
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=core.CapabilitiesArgs(drop=["ALL"], add=list(add) or None),
    )


def http_probe(
    path: str, port: int | str, *, period: int, failures: int = 3, delay: int = 0, scheme: str = "HTTP"
) -> core.ProbeArgs:
    """A probe every `period` seconds, from `delay` seconds after the start."""
    return core.ProbeArgs(
        http_get=core.HTTPGetActionArgs(path=path, port=port, scheme=scheme),
        initial_delay_seconds=delay,
        period_seconds=period,
        timeout_seconds=5,
        failure_threshold=failures,
    )


def available_while_drained(
    name: str, budget: str, namespace: str, labels: Mapping[str, str], opts: ResourceOptions
) -> policy.PodDisruptionBudget:
    """A budget of one pod: drains go on one after another, and a single replica never blocks one."""
    return policy.PodDisruptionBudget(
        name,
        metadata=ObjectMetaArgs(name=budget, namespace=namespace),
        spec=policy.PodDisruptionBudgetSpecArgs(
            max_unavailable=1, selector=LabelSelectorArgs(match_labels=dict(labels))
        ),
        opts=opts,
    )
