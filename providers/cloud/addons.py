"""Add-ons of clouds: charts with pinned versions, their Helm releases, and their nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import Input, ResourceOptions
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
ON_CONTROL_PLANES = {_CONTROL_PLANE: ""}
"""The node selector of controllers that call the cloud: only control planes have the permissions."""
TOLERATIONS = [
    {"key": _CONTROL_PLANE, "operator": "Exists", "effect": "NoSchedule"},
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
]
EARLY_TOLERATIONS = [
    {"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"},
    *TOLERATIONS,
]
"""Tolerations of the cloud controller, which must run before nodes are ready for other pods."""

ON_HOST_NETWORK: Mapping[str, object] = {
    "hostNetwork": True,
    "dnsPolicy": "Default",
    "nodeSelector": ON_CONTROL_PLANES,
    "tolerations": TOLERATIONS,
}
"""Values of a controller that uses the identity of its machine, for charts with these keys."""

Values = Mapping[str, Input[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart with its repository and pinned version. `postrender` is a program that edits its manifests."""

    name: str
    repository: str
    version: str
    postrender: str = ""


AUTOSCALER = Chart(
    name="cluster-autoscaler", repository="https://kubernetes.github.io/autoscaler", version="9.59.0"
)


def release(prefix: str, chart: Chart, values: Values, opts: ResourceOptions) -> Release:
    """Create the release of a chart in `kube-system`, with the name of the chart."""
    return Release(
        f"{prefix}-{chart.name}",
        name=chart.name,
        chart=chart.name,
        version=chart.version,
        namespace="kube-system",
        repository_opts=RepositoryOptsArgs(repo=chart.repository),
        values=dict(values),
        postrender=chart.postrender or None,
        # A failed upgrade is rolled back.
        atomic=True,
        timeout=600,
        opts=opts,
    )
