"""The configuration of Cilium, from the settings."""

from __future__ import annotations

from settings.cilium import CiliumSettings
from settings.network import NetworkSettings
from topology.cilium import Cilium
from topology.options import NetworkPlugin


def build_cilium(network: NetworkSettings) -> Cilium | None:
    """Return the configuration that valid settings describe; None for a cluster with another CNI."""
    if network.cni is not NetworkPlugin.CILIUM:
        return None
    section = network.cilium or CiliumSettings()
    return Cilium(
        chart=section.chart,
        repository="" if section.has_own_source else section.repository,
        version="" if section.is_path else section.version,
        routing_mode=section.routing_mode,
        replaces_kube_proxy=section.kube_proxy_replacement,
        hubble=section.hubble,
    )
