"""Openings in the firewalls of clouds. Pure: used by policies and by reports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from providers import registry
from providers.resources import Inputs, Opening


def firewall_openings(resource_type: str, inputs: Inputs) -> list[Opening]:
    """Return the openings of a resource, one for each of its rules; empty for types without rules."""
    cloud = registry.by_type(resource_type)
    if cloud is None:
        return []
    return list(cloud.readers.openings(cloud.readers.canonical_type(resource_type), inputs))


def join_by_port(openings: Iterable[Opening]) -> Iterator[Opening]:
    """Yield one opening for each protocol and port: with all sources, and the path of the first opening."""
    joined: dict[tuple[str, str], Opening] = {}
    for opening in openings:
        key = (opening.protocol, opening.port)
        previous = joined.get(key, replace(opening, sources=()))
        sources = tuple(dict.fromkeys((*previous.sources, *opening.sources)))
        joined[key] = replace(previous, sources=sources)
    yield from joined.values()
