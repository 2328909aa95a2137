"""The configuration of Cilium, for clusters whose pods it connects [G1]."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

VERSION = "1.20.2"
"""The default version of Cilium. The values of its chart are for this minor version."""
REPOSITORY = "https://helm.cilium.io/"
"""The repository of Cilium's chart."""
METRICS_PORT = 9962
"""Port on loopback of the metrics of Cilium's agent, with monitoring."""
CGROUP_ROOT = "/run/cilium/cgroupv2"
"""The cgroup2 file system of Cilium on nodes, as in its chart. Hosts may have only cgroup v1 elsewhere."""


class RoutingMode(StrEnum):
    """How packets of pods reach other nodes: in VXLAN packets, or by routes of the nodes."""

    TUNNEL = "tunnel"
    NATIVE = "native"


@dataclass(frozen=True, slots=True)
class Cilium:
    """Cilium, by its Helm chart.

    `chart` is the name of the chart in `repository`, or a path or URL if `repository` is empty. `version` is
    the version of the images, and `chart_version` that of the chart to install: empty for a path. With
    `replaces_kube_proxy`, Cilium serves services. With `hubble`, its agents record the flows of pods.
    """

    chart: str = "cilium"
    repository: str = REPOSITORY
    version: str = VERSION
    chart_version: str = VERSION
    routing_mode: RoutingMode = RoutingMode.TUNNEL
    replaces_kube_proxy: bool = False
    hubble: bool = False
