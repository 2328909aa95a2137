"""Warnings about parts of a cluster that are reachable from public networks. The preview shows them."""

from __future__ import annotations

from topology.model import Topology


def exposure_warnings(topology: Topology) -> list[str]:
    """Return a warning for each setting that admits all networks; none for a lab, whose network is
    isolated.
    """
    if topology.environment == "lab":
        return []
    return [
        f"network.api_allowed: {network}: the API and SSH are public; list your own networks"
        for network in topology.network.api_allowed
        if network.prefixlen == 0
    ]
