"""Warnings about parts of a cluster that are reachable from public networks. The preview shows them."""

from __future__ import annotations

from topology.model import Topology


def exposure_warnings(topology: Topology) -> list[str]:
    """Return a warning for each setting that admits all networks; none for a lab, whose network is
    isolated.
    """
    if topology.environment == "lab":
        return []
    sources = (
        ("api_allowed", "the API is", topology.network.api_allowed),
        (
            "ssh_allowed",
            "SSH on hosts is",
            topology.network.ssh_allowed if topology.network.ssh_ports else (),
        ),
    )
    return [
        f"network.{key}: {network}: {part} public; list your own networks"
        for key, part, networks in sources
        for network in networks
        if network.prefixlen == 0
    ]
