"""Nothing is open to everyone that need not be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from policy.rules.model import Resource, ResourceRule, SettingsRule, Stack, StackRule, items, texts
from policy.rules.world import covers_world, is_world

_ICMP = ("icmp", "icmpv6", "1", "58")
"""Reachability and path MTU: no service answers it."""
_GROUPS = ("aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
_SHOWN = 2
"""Sources that a message names."""


def ingress(resource: Resource, stack: Stack) -> Iterator[str]:
    """Security groups of both clouds: none lets everyone in, but to an API that is meant to be public.

    Sources of one port count together: two halves of the internet are all of it.
    """
    for path, protocol, port, sources in _together(_openings(resource)):
        if is_world(sources) and not _may(protocol, port, stack):
            text = f"{path}: lets {_named(sources)} reach port {port} ({protocol})"
            yield f"{text}; list the networks that need it"


def ingress_together(resources: Sequence[Resource], stack: Stack) -> Iterator[tuple[Resource, str]]:
    """The same of rules that are resources each; whose they are may not be known before they are made."""
    alone = [
        (resource, opening)
        for resource in resources
        for opening in _together(_openings(resource))
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


_Opening = tuple[str, str, str, list[str]]
"""Path, protocol, port, sources."""


def _openings(resource: Resource) -> list[_Opening]:
    return [*_aws(resource), *_azure(resource)]


def _together(openings: Iterable[_Opening]) -> Iterator[_Opening]:
    """The openings of each port as one, at the place of the first."""
    found: dict[tuple[str, str], tuple[str, list[str]]] = {}
    for path, protocol, port, sources in openings:
        found.setdefault((protocol, port), (path, []))[1].extend(sources)
    for (protocol, port), (path, sources) in found.items():
        yield path, protocol, port, list(dict.fromkeys(sources))


def _aws(resource: Resource) -> Iterator[_Opening]:
    inputs = resource.inputs
    if resource.kind in _GROUPS:
        for number, rule in enumerate(items(inputs.get("ingress"))):
            yield _aws_rule(f"ingress[{number}]", rule)
    elif resource.kind == "aws:ec2/securityGroupRule:SecurityGroupRule" and inputs.get("type") == "ingress":
        yield _aws_rule("cidrBlocks", inputs)
    elif resource.kind == "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule":
        sources = [*texts(inputs.get("cidrIpv4")), *texts(inputs.get("cidrIpv6"))]
        yield "cidr", str(inputs.get("ipProtocol", "")), _range(inputs), sources


def _aws_rule(path: str, rule: Mapping[str, Any]) -> _Opening:
    sources = [*texts(rule.get("cidrBlocks")), *texts(rule.get("ipv6CidrBlocks"))]
    return path, str(rule.get("protocol", "")), _range(rule), sources


def _range(rule: Mapping[str, Any]) -> str:
    first, last = (_number(rule.get(key)) for key in ("fromPort", "toPort"))
    return first if first == last else f"{first}-{last}"


def _number(value: object) -> str:
    # Numbers of the engine's JSON may be floats.
    return str(int(value)) if isinstance(value, int | float) else str(value)


def _azure(resource: Resource) -> Iterator[_Opening]:
    if resource.kind == "azure-native:network:SecurityRule":
        rules = [("", resource.inputs)]
    elif resource.kind == "azure-native:network:NetworkSecurityGroup":
        found = items(resource.inputs.get("securityRules"))
        rules = [(f"securityRules[{number}].", rule) for number, rule in enumerate(found)]
    else:
        return
    for path, rule in rules:
        # Azure takes its words in any case.
        if _word(rule, "direction") == "inbound" and _word(rule, "access") == "allow":
            sources = [*texts(rule.get("sourceAddressPrefix")), *texts(rule.get("sourceAddressPrefixes"))]
            ports = [*texts(rule.get("destinationPortRange")), *texts(rule.get("destinationPortRanges"))]
            yield f"{path}sourceAddressPrefix", str(rule.get("protocol", "")), ", ".join(ports), sources


def _word(rule: Mapping[str, Any], key: str) -> str:
    return str(rule.get(key, "")).lower()


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
