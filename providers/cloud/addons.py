"""Helm releases of the add-ons that clouds share: chart versions, node selectors and tolerations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import Input, ResourceOptions
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
ON_CONTROL_PLANES = {_CONTROL_PLANE: ""}
"""The node selector of controllers that call the cloud: only control planes have the permissions."""
CONTROLLER_TOLERATIONS = [
    {"key": _CONTROL_PLANE, "operator": "Exists", "effect": "NoSchedule"},
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
]
"""Tolerations of controllers, which run on control planes."""
EARLY_TOLERATIONS = [
    {"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"},
    *CONTROLLER_TOLERATIONS,
]
"""Tolerations of the cloud controller, which must run before nodes are ready for other pods."""

ON_HOST_NETWORK: Mapping[str, object] = {
    "hostNetwork": True,
    "dnsPolicy": "Default",
    "nodeSelector": ON_CONTROL_PLANES,
    "tolerations": CONTROLLER_TOLERATIONS,
}
"""Chart values of a controller that uses its machine's identity. The chart must support these keys."""

WITHOUT_SURGE: Mapping[str, object] = {
    "type": "RollingUpdate",
    "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
}
"""The update strategy of a controller on the host network: the old pod ends first, because on a cluster with
one control plane the new pod cannot have the same ports beside it.
"""

Values = Mapping[str, Input[object]]
"""Values of a Helm chart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A Helm chart with repository and pinned version.

    `postrender` is a program that edits the manifests. With `needs_network`, pods of the chart start only on
    nodes that have a pod network.
    """

    name: str
    repository: str
    version: str
    postrender: str = ""
    needs_network: bool = True


AUTOSCALER_CHART = Chart(
    name="cluster-autoscaler", repository="https://kubernetes.github.io/autoscaler", version="9.59.0"
)


def create_release(
    prefix: str, chart: Chart, values: Values, opts: ResourceOptions, *, has_network: bool = True
) -> Release:
    """Create the Helm release of a chart in the namespace `kube-system`, and wait for its pods.

    Its name is the name of the chart. Without a pod network (`has_network`), the release does not wait for
    pods that need one.
    """
    waits = has_network or not chart.needs_network
    return Release(
        f"{prefix}-{chart.name}",
        name=chart.name,
        chart=chart.name,
        version=chart.version,
        namespace="kube-system",
        repository_opts=RepositoryOptsArgs(repo=chart.repository),
        values=dict(values),
        postrender=chart.postrender or None,
        # A failed upgrade is rolled back. Helm finds failures only when it waits.
        atomic=waits,
        skip_await=None if waits else True,
        timeout=600,
        opts=opts,
    )
