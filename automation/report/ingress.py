"""Finds ports that the firewalls of clouds and hosts open to the public."""

from __future__ import annotations

from collections.abc import Iterator

from nodeconfig.firewall import accepted_ports
from policy.rules.ingress import firewall_openings
from policy.rules.public_ranges import is_public
from providers.resources import Inputs


def public_host_ports(script: str) -> list[str]:
    """Return the ports that a delivery opens to the public on a host.

    A rule without a source is public too.
    """
    return [port for source, port in accepted_ports(script) if not source or is_public([source])]


def public_cloud_ports(resource_type: str, inputs: Inputs) -> Iterator[str]:
    """Yield the ports that a firewall resource of a cloud opens to the public."""
    for opening in firewall_openings(resource_type, inputs):
        if is_public(opening.sources):
            yield f"{opening.protocol} {opening.port}".strip()
