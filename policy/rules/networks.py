"""Nothing is open to everyone that need not be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from policy.rules.ingress import Opening, openings
from policy.rules.model import Resource, ResourceRule, SettingsRule, Stack, StackRule
from policy.rules.public_ranges import covers_world, is_world

_ICMP = ("icmp", "icmpv6", "1", "58")
"""Reachability and path MTU: no service answers it."""
_SHOWN = 2
"""Sources that a message names."""


def ingress(resource: Resource, stack: Stack) -> Iterator[str]:
    """Security groups of both clouds: none lets everyone in, but to an API that is meant to be public.

    Sources of one port count together: two halves of the internet are all of it.
    """
    for path, protocol, port, sources in _together(openings(resource.kind, resource.inputs)):
        if is_world(sources) and not _may(protocol, port, stack):
            text = f"{path}: lets {_named(sources)} reach port {port} ({protocol})"
            yield f"{text}; list the networks that need it"


def ingress_together(resources: Sequence[Resource], stack: Stack) -> Iterator[tuple[Resource, str]]:
    """The same of rules that are resources each; whose they are may not be known before they are made."""
    alone = [
        (resource, opening)
        for resource in resources
        for opening in _together(openings(resource.kind, resource.inputs))
        if not is_world(opening[3])
    ]
    for path, protocol, port, sources in _together(opening for _, opening in alone):
        if is_world(sources) and not _may(protocol, port, stack):
            first = next(each for each, opening in alone if opening[1:3] == (protocol, port))
            text = f"{path}: with other rules it lets {_named(sources)} reach port {port} ({protocol})"
            yield first, f"{text}; list the networks that need it"


def _may(protocol: str, port: str, stack: Stack) -> bool:
    """Whether the settings open it to everyone: the API. Of production another rule speaks."""
    meant = covers_world(stack.api_allowed) and port in map(str, stack.api_ports)
    return meant or protocol.lower() in _ICMP


def _named(sources: list[str]) -> str:
    more = f" and {len(sources) - _SHOWN} more" if len(sources) > _SHOWN else ""
    return ", ".join(sources[:_SHOWN]) + more


def _together(several: Iterable[Opening]) -> Iterator[Opening]:
    """The openings of each port as one, at the place of the first."""
    found: dict[tuple[str, str], tuple[str, list[str]]] = {}
    for path, protocol, port, sources in several:
        found.setdefault((protocol, port), (path, []))[1].extend(sources)
    for (protocol, port), (path, sources) in found.items():
        yield path, protocol, port, list(dict.fromkeys(sources))


def api(stack: Stack) -> Iterator[str]:
    """In production someone decided who may reach the API."""
    if stack.production and covers_world(stack.api_allowed):
        named = _named(list(map(str, stack.api_allowed)))
        yield f"network.api_allowed: lets everyone reach the API, or nearly ({named}); list your networks"


RULES = (
    ResourceRule(
        name="no-open-ingress",
        description="Firewalls let nobody in from anywhere, but to a public API.",
        check=ingress,
    ),
    StackRule(
        name="no-open-ingress-together",
        description="No firewall's rules together let everyone in, but to a public API.",
        check=ingress_together,
    ),
    SettingsRule(
        name="no-open-api", description="In production the API is open to listed networks alone.", check=api
    ),
)
