"""Ports that the firewalls of clouds and hosts open to the public."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policy.rules.ingress import firewall_openings
from policy.rules.public_ranges import is_public
from providers.resources import Inputs

# A line of the host's packet filter, with its source where the line has one (`nodeconfig.firewall`).
_ACCEPT = re.compile(r"^\s*(?:ip6? saddr (\S+) )?((?:tcp|udp) dport \S+) accept", re.MULTILINE)


def public_host_ports(script: str) -> list[str]:
    """Return the ports that a delivery opens on a host to the public: with no source or a public one."""
    return [port for source, port in _ACCEPT.findall(script) if not source or is_public([source])]


def public_cloud_ports(resource_type: str, inputs: Inputs) -> Iterator[str]:
    """Yield the ports that a firewall resource of a cloud opens to the public."""
    for opening in firewall_openings(resource_type, inputs):
        if is_public(opening.sources):
            yield f"{opening.protocol} {opening.port}".strip()
