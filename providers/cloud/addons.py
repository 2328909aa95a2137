"""What the clouds' add-ons share: charts with pinned versions, their releases, and where controllers run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import Input, ResourceOptions
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
ON_CONTROL_PLANES = {_CONTROL_PLANE: ""}
"""A selector of nodes: what calls the cloud runs where the rights are."""
TOLERATIONS = [
    {"key": _CONTROL_PLANE, "operator": "Exists", "effect": "NoSchedule"},
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
]
EARLY_TOLERATIONS = [
    {"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"},
    *TOLERATIONS,
]
"""Of the cloud controller: a node is only ready for others after this controller has looked at it."""

ON_HOST_NETWORK: Mapping[str, object] = {
    "hostNetwork": True,
    "dnsPolicy": "Default",
    "nodeSelector": ON_CONTROL_PLANES,
    "tolerations": TOLERATIONS,
}
"""Values of a controller that calls the cloud as its machine, where its chart has these words."""

Values = Mapping[str, Input[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart's place and pinned version. `postrender`: a program that its manifests go through."""

    name: str
    repository: str
    version: str
    postrender: str = ""


AUTOSCALER = Chart(
    name="cluster-autoscaler", repository="https://kubernetes.github.io/autoscaler", version="9.59.0"
)


def release(prefix: str, chart: Chart, values: Values, opts: ResourceOptions) -> Release:
    """The chart's release in `kube-system`, under the chart's own name."""
    return Release(
        f"{prefix}-{chart.name}",
        name=chart.name,
        chart=chart.name,
        version=chart.version,
        namespace="kube-system",
        repository_opts=RepositoryOptsArgs(repo=chart.repository),
        values=dict(values),
        postrender=chart.postrender or None,
        # It is awaited as a release: a failed upgrade goes back to what was.
        atomic=True,
        timeout=600,
        opts=opts,
    )
