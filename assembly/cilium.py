"""The configuration of Cilium, from the settings."""

from __future__ import annotations

from settings.charts import is_path, needs_repository
from settings.network import NetworkSettings
from topology.cilium import Cilium


def build_cilium(network: NetworkSettings) -> Cilium | None:
    """Return the configuration that valid settings describe; None for a cluster with another CNI."""
    section = network.cilium_options
    if section is None:
        return None
    return Cilium(
        chart=section.chart,
        repository=section.repository if needs_repository(section.chart) else "",
        version=section.version,
        chart_version="" if is_path(section.chart) else section.version,
        routing_mode=section.routing_mode,
        replaces_kube_proxy=section.kube_proxy_replacement,
        hubble=section.hubble,
    )
