"""Settings of Cilium, which connects pods with `network.cni: cilium` [G1]."""

from __future__ import annotations

from settings.base import Section
from settings.types import HttpsUrl, NonEmpty, Version
from topology.cilium import REPOSITORY, VERSION, RoutingMode


class CiliumSettings(Section):
    """Cilium, by its official Helm chart. It is allowed only with `network.cni: cilium`."""

    routing_mode: RoutingMode = RoutingMode.TUNNEL
    """`tunnel`: VXLAN between nodes; `native`: routes between nodes, which must share one layer 2 network."""
    kube_proxy_replacement: bool = False
    """Let Cilium implement services. Nodes then have no kube-proxy."""
    hubble: bool = False
    """Record the flows of pods, for the command `hubble observe` in the pods of the agent."""
    version: Version = VERSION
    """Version of Cilium, also in a chart by its path; another patch version of the same minor version."""
    repository: HttpsUrl = REPOSITORY
    """URL of the chart repository, such as a mirror of the official one."""
    chart: NonEmpty = "cilium"
    """Name of the chart in `repository`, an `oci://` reference, or a path (`./charts/cilium-1.20.2.tgz`,
    relative to the checkout).
    """
