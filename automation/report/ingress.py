"""What the firewalls of clouds and hosts open to everybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nodeconfig.firewall import accepted_ports
from policy.rules.ingress import openings
from policy.rules.public_ranges import is_world


def of_host(script: str) -> list[str]:
    """What a bundle's text opens of the host for everybody: a line without a source, or with the world's."""
    return [port for source, port in accepted_ports(script) if not source or is_world([source])]


def of_cloud(kind: str, inputs: Mapping[str, Any]) -> Iterator[str]:
    """The ports that a resource of a cloud's firewall opens to everybody."""
    for _, protocol, port, sources in openings(kind, inputs):
        if is_world(sources):
            yield f"{protocol} {port}".strip()
