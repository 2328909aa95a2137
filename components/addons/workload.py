"""Functions for the pods of add-ons: scheduling, security contexts, probes, disruption budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi_kubernetes.apps.v1 as apps
import pulumi_kubernetes.core.v1 as core
import pulumi_kubernetes.policy.v1 as policy
from pulumi import ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from topology.model import Topology
from topology.options import NetworkPlugin


def spread_constraints(
    labels: Mapping[str, str], *, replicas: int, required: bool
) -> list[core.TopologySpreadConstraintArgs] | None:
    """Return constraints that spread replicas over nodes.

    With `required`, a replica is not scheduled until a node without a replica exists. Only add-ons of a
    highly available cluster set `required`. In a cluster with two nodes, the second replica must be able to
    run while one node is down.
    """
    if replicas == 1:
        return None
    return [
        core.TopologySpreadConstraintArgs(
            max_skew=1,
            # Without this minimum, a missing node does not count as empty, and the second replica would not
            # wait for another node.
            min_domains=replicas if required else None,
            topology_key="kubernetes.io/hostname",
            when_unsatisfiable="DoNotSchedule" if required else "ScheduleAnyway",
            label_selector=LabelSelectorArgs(match_labels=dict(labels)),
            match_label_keys=["pod-template-hash"],
        )
    ]


def system_replicas(topology: Topology) -> int:
    """Return the number of pods of a system workload: one in a cluster with one control plane, else two."""
    return 2 if len(topology.control_planes) > 1 else 1


def trust_annotations(topology: Topology) -> dict[str, str]:
    """Return annotations that restart pods when the trusted certificates of the cluster change.

    Pods restart because few programs read certificates again. The result is empty for a cluster without a
    rotation.
    """
    rotations = dict(topology.certificates.rotations)
    if "kubernetes" not in rotations:
        return {}
    return {"kubewright.dev/trusts": " ".join(map(str, rotations["kubernetes"].trusted))}


def await_annotations(topology: Topology) -> dict[str, str] | None:
    """Return annotations of a workload that the engine must not wait for: without the user's own CNI, pods do
    not start. Return None for a cluster with a pod network.
    """
    return {"pulumi.com/skipAwait": "true"} if topology.network.cni is NetworkPlugin.NONE else None


def system_tolerations() -> list[core.TolerationArgs]:
    """Return tolerations that let system workloads run on control planes."""
    return [
        core.TolerationArgs(key="CriticalAddonsOnly", operator="Exists"),
        core.TolerationArgs(
            key="node-role.kubernetes.io/control-plane", operator="Exists", effect="NoSchedule"
        ),
    ]


def lost_node_tolerations(seconds: int) -> list[core.TolerationArgs]:
    """Return the tolerations of pods that leave a node `seconds` after it stops to respond; Kubernetes waits
    300 s.
    """
    return [
        core.TolerationArgs(
            key=f"node.kubernetes.io/{condition}",
            operator="Exists",
            effect="NoExecute",
            toleration_seconds=seconds,
        )
        for condition in ("not-ready", "unreachable")
    ]


def rolling_update(*, max_surge: int | None = None) -> apps.DeploymentStrategyArgs:
    """Return a strategy that replaces one replica at a time, with at most `max_surge` additional replicas
    (default: 25 %).
    """
    return apps.DeploymentStrategyArgs(
        type="RollingUpdate",
        rolling_update=apps.RollingUpdateDeploymentArgs(max_unavailable=1, max_surge=max_surge),
    )


def restricted_context(*, add: Sequence[str] = ()) -> core.SecurityContextArgs:
    """Return the security context of a container without privileges, except for the capabilities in `add`."""
    return core.SecurityContextArgs(
        allow_privilege_escalation=False,
        read_only_root_filesystem=True,
        capabilities=core.CapabilitiesArgs(drop=["ALL"], add=list(add) or None),
    )


def restricted_pod_context(
    user: int, *, fs_group: int | None = None, sysctls: Sequence[core.SysctlArgs] = ()
) -> core.PodSecurityContextArgs:
    """Return the security context of a pod whose containers run as `user`, which is not root.

    `fs_group` is the group of the files in volumes. `sysctls` are the kernel parameters of the pod.
    """
    return core.PodSecurityContextArgs(
        run_as_non_root=True,
        run_as_user=user,
        run_as_group=user,
        fs_group=fs_group,
        seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault"),
        sysctls=list(sysctls) or None,
    )


def pod_security_labels(level: str) -> dict[str, str]:
    """Return the labels of a namespace whose pods must have this level of the Pod Security Standards."""
    return {f"pod-security.kubernetes.io/{mode}": level for mode in ("enforce", "audit", "warn")}


def http_probe(
    path: str,
    port: int | str,
    *,
    period: int,
    failures: int = 3,
    delay: int = 0,
    scheme: str = "HTTP",
    host: str | None = None,
) -> core.ProbeArgs:
    """Return a probe every `period` seconds, from `delay` seconds after the start. Without `host`, the
    kubelet asks the address of the pod.
    """
    return core.ProbeArgs(
        http_get=core.HTTPGetActionArgs(path=path, port=port, scheme=scheme, host=host),
        initial_delay_seconds=delay,
        period_seconds=period,
        timeout_seconds=5,
        failure_threshold=failures,
    )


def disruption_budget(
    name: str, budget: str, namespace: str, labels: Mapping[str, str], opts: ResourceOptions
) -> policy.PodDisruptionBudget:
    """Create the PodDisruptionBudget `budget`, which allows one unavailable pod. A single replica blocks no
    drain.

    `name` is the name of the Pulumi resource; `labels` select the pods.

    """
    return policy.PodDisruptionBudget(
        name,
        metadata=ObjectMetaArgs(name=budget, namespace=namespace),
        spec=policy.PodDisruptionBudgetSpecArgs(
            max_unavailable=1, selector=LabelSelectorArgs(match_labels=dict(labels))
        ),
        opts=opts,
    )
