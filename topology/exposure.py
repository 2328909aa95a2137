"""What a cluster shows to the world: worth a word in the preview, though it may be meant. Pure."""

from __future__ import annotations

from topology.model import Topology


def warnings(topology: Topology) -> list[str]:
    """Return a line for each public network; none in a lab, whose network is closed."""
    if topology.environment == "lab":
        return []
    return [
        f"network.api_allowed: {network}: the API and SSH are public; list your own networks"
        for network in topology.network.api_allowed
        if network.prefixlen == 0
    ]
