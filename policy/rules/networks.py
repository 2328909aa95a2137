"""Rules: firewalls open no port to the public, except the API port when the settings make the API public."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from formats.lists import shorten_list
from policy.rules.ingress import firewall_openings, join_by_port
from policy.rules.model import Resource, ResourceRule, SettingsRule, StackFacts, StackRule
from policy.rules.public_ranges import cover_public, is_public
from providers.resources import Opening

_ICMP = ("icmp", "icmpv6", "1", "58")
"""The protocols of ping and path MTU discovery, which are always allowed: no service uses ICMP."""
_SHOWN_SOURCES = 2


def check_public_ports(resource: Resource, facts: StackFacts) -> Iterator[str]:
    """Yield a message for each port that one firewall resource opens to the public.

    Sources of the same port count together, because two halves of the internet are as public as the whole
    internet.
    """
    for opening in join_by_port(firewall_openings(resource.type, resource.inputs)):
        if is_public(opening.sources) and not _is_allowed(opening, facts):
            sources = shorten_list(opening.sources, _SHOWN_SOURCES)
            yield (
                f"{opening.path}: allows {sources} to reach port {opening.port} ({opening.protocol}); "
                "list the networks that need the port"
            )


def check_public_ports_together(
    resources: Sequence[Resource], facts: StackFacts
) -> Iterator[tuple[Resource, str]]:
    """Yield a message for each port that several firewall rule resources together open to the public.

    Before an update the firewall of a rule can be unknown, so the rules of all firewalls count together.
    """
    listed = [
        (resource, opening)
        for resource in resources
        for opening in join_by_port(firewall_openings(resource.type, resource.inputs))
        if not is_public(opening.sources)
    ]
    for joined in join_by_port(opening for _, opening in listed):
        if is_public(joined.sources) and not _is_allowed(joined, facts):
            first = next(
                resource
                for resource, opening in listed
                if (opening.protocol, opening.port) == (joined.protocol, joined.port)
            )
            sources = shorten_list(joined.sources, _SHOWN_SOURCES)
            yield (
                first,
                f"{joined.path}: together with other rules allows {sources} to reach port {joined.port} "
                f"({joined.protocol}); list the networks that need the port",
            )


def _is_allowed(opening: Opening, facts: StackFacts) -> bool:
    """Check whether the opening is the API port and the settings make the API public.

    `check_public_api` reports a public API in production.
    """
    is_api = cover_public(facts.api_allowed) and opening.port in map(str, facts.api_ports)
    return is_api or opening.protocol.lower() in _ICMP


def check_public_api(facts: StackFacts) -> Iterator[str]:
    """Yield a message for an API that is public in production."""
    if facts.is_production and cover_public(facts.api_allowed):
        sources = shorten_list(list(map(str, facts.api_allowed)), _SHOWN_SOURCES)
        yield f"network.api_allowed: the API is public ({sources}); list your networks"


RULES = (
    ResourceRule(
        name="no-open-ingress",
        description="Firewalls do not admit the public, except to a public API.",
        check=check_public_ports,
    ),
    StackRule(
        name="no-open-ingress-together",
        description="Firewall rules together do not admit the public, except to a public API.",
        check=check_public_ports_together,
    ),
    SettingsRule(
        name="no-open-api",
        description="In production, the API is open only to listed networks.",
        check=check_public_api,
    ),
)
