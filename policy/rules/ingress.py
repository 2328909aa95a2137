"""Reads which ports the firewalls of clouds open to which sources, for policies and for reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from providers import registry
from providers.resources import Inputs, Opening


def firewall_openings(resource_type: str, inputs: Inputs) -> list[Opening]:
    """Return the ports and sources that a firewall resource opens; empty for other resource types."""
    cloud = registry.by_type(resource_type)
    if cloud is None:
        return []
    return list(cloud.readers.openings(cloud.readers.canonical_type(resource_type), inputs))


def join_by_port(openings: Iterable[Opening]) -> Iterator[Opening]:
    """Join openings of the same protocol and port into a single opening with all their sources.

    The joined opening has the path of the first opening.
    """
    joined: dict[tuple[str, str], Opening] = {}
    for opening in openings:
        key = (opening.protocol, opening.port)
        previous = joined.get(key, replace(opening, sources=()))
        sources = tuple(dict.fromkeys((*previous.sources, *opening.sources)))
        joined[key] = replace(previous, sources=sources)
    yield from joined.values()
