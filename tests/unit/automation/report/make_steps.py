"""Functions that create the engine steps of a small cluster for tests."""

from __future__ import annotations

from collections.abc import Mapping

from automation.report.build import report_from_events
from automation.report.model import Report
from automation.stacks.events import Step, Values

_ROOT = "urn:pulumi:x::kubewright::kubewright:index:Cluster"
COMMAND = "command:remote:Command"
PARENTS = {
    "etcd": ("kubewright:index:Etcd", "cluster-etcd"),
    "control-plane": ("kubewright:index:ControlPlane", "cluster-control-plane"),
    "load-balancer": ("kubewright:index:LoadBalancers", "cluster-load-balancers"),
    "pki": ("kubewright:index:Pki", "cluster-pki"),
}


def step(
    operation: str,
    type_: str,
    name: str,
    parent: str = "",
    *,
    old: Values | None = None,
    new: Values | None = None,
    paths: Mapping[str, str] | None = None,
) -> Step:
    """Return a step of a plan. `parent` is a key of `PARENTS` or the name of a pool."""
    kind, component = PARENTS.get(parent, ("kubewright:index:NodePool", f"cluster-pool-{parent}"))
    urn = f"{_ROOT}${kind}${type_}::{name}" if parent else f"urn:pulumi:x::kubewright::{type_}::{name}"
    parent_urn = f"{_ROOT}${kind}::{component}" if parent else ""
    return Step(
        operation=operation,
        phase="plan",
        urn=urn,
        type=type_,
        parent=parent_urn,
        old=old or {},
        new=new or {},
        paths=paths or {},
    )


def host(operation: str, name: str, role: str, pool: str = "", old: str = "a\n", new: str = "b\n") -> Step:
    """Return the step of a delivery to a host. `old` and `new` are the delivered text."""
    return step(
        operation,
        COMMAND,
        f"{name}-{role}",
        pool or role,
        old={} if operation in ("create", "same") else {"create": old},
        new={} if operation in ("delete", "same") else {"create": new},
    )


def cluster(*changed: Step, planes: int = 3, workers: int = 3) -> list[Step]:
    """Return the steps of a small cluster: the steps `changed`, and steps without a change for all other
    resources.
    """
    steps = [host("same", f"cp-{i + 1}", role) for i in range(planes) for role in ("etcd", "control-plane")]
    steps += [host("same", f"w-{i + 1}", "node", "workers") for i in range(workers)]
    urns = {each.urn for each in changed}
    return [*(each for each in steps if each.urn not in urns), *changed]


def report(*changed: Step, **size: int) -> Report:
    """Return the report of a change of the cluster."""
    return report_from_events("x", cluster(*changed, **size))


def risks(*changed: Step, **size: int) -> dict[str, tuple[str, ...]]:
    """Return the risks of a change of the cluster, each with the affected hosts or resources."""
    return {risk.rule: risk.subjects for risk in report(*changed, **size).risks}
