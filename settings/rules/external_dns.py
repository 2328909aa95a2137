"""Rules about the add-on that publishes names in DNS zones, by external-dns [H1]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.domains import is_in_domain
from settings.problem import Problem, repeated_problems
from settings.rules.access import namespace_problems
from settings.rules.base import RuleInput, rule
from settings.secret_values import decode_base64, is_placeholder
from topology.external_dns import NAMESPACE

_SECTION = "addons.external_dns"
_MIN_SECRET = 14
"""112 bits, the minimum of NIST SP 800-131A for keys of HMAC, in bytes."""


@rule(needs_valid=(_SECTION,))
def published_domains_are_in_zones(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that each domain is in a zone that external-dns changes."""
    section = rule_input.settings.addons.external_dns
    for position, domain in enumerate(section.domains if section else ()):
        if section and not is_in_domain(domain, *section.rfc2136.zones):
            yield Problem(
                f"{_SECTION}.domains[{position}]",
                f'"{domain}"',
                "is in no zone of rfc2136, so that no name would be published; add its zone, or remove it",
            )


@rule(needs=("network.domain",), needs_valid=(_SECTION,))
def published_zones_are_outside_of_the_cluster(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the domain of the cluster, whose names CoreDNS answers itself."""
    settings = rule_input.settings
    section = settings.addons.external_dns
    for position, zone in enumerate(section.rfc2136.zones if section else ()):
        if is_in_domain(zone, settings.network.domain):
            yield Problem(
                f"{_SECTION}.rfc2136.zones[{position}]",
                f'"{zone}"',
                "belongs to network.domain, whose names the DNS of the cluster answers; use another zone",
            )


@rule(needs_valid=(_SECTION,))
def published_names_are_listed_once(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse repeated zones, domains and sources."""
    section = rule_input.settings.addons.external_dns
    if section is None:
        return
    lists = {"rfc2136.zones": section.rfc2136.zones, "domains": section.domains, "sources": section.sources}
    for key, values in lists.items():
        yield from repeated_problems(f"{_SECTION}.{key}", values)


@rule(needs_valid=(_SECTION,))
def secret_of_updates_is_long(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a secret that cannot be guessed, because it allows changes of all names of the zones."""
    section = rule_input.settings.addons.external_dns
    if not section or is_placeholder(section.rfc2136.secret):
        return
    length = len(decode_base64(section.rfc2136.secret))
    if length < _MIN_SECRET:
        yield Problem(
            f"{_SECTION}.rfc2136.secret",
            "",
            f"has {length} bytes, and can be guessed; create a TSIG key with at least {_MIN_SECRET} bytes, "
            "such as with tsig-keygen",
        )


@rule(needs=(_SECTION, "access.namespaces"), needs_valid=("helm_releases",))
def namespace_belongs_to_external_dns(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse other settings that create or fill the namespace of external-dns."""
    settings = rule_input.settings
    if settings.addons.external_dns is None:
        return
    yield from namespace_problems(settings, NAMESPACE, _SECTION)
