"""What the firewalls of clouds and hosts open to everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policy.rules.world import is_world

# A line of the hosts' packet filter, with its source where it has one (`nodeconfig.firewall`).
_OPEN = re.compile(r"^\s*(?:ip6? saddr (\S+) )?((?:tcp|udp) dport \S+) accept", re.MULTILINE)


def of_host(script: str) -> list[str]:
    """What a bundle's text opens of the host for everybody: a line without a source, or with the world's."""
    return [port for source, port in _OPEN.findall(script) if not source or is_world([source])]


def of_cloud(kind: str, inputs: Mapping[str, Any]) -> Iterator[str]:
    """The ports that a resource of a cloud's firewall opens to everybody."""
    match kind:
        case "aws:ec2/securityGroup:SecurityGroup":
            rules: Any = inputs.get("ingress") or ()
        case "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule":
            rules = (inputs,)
        case "aws:ec2/securityGroupRule:SecurityGroupRule":
            rules = (inputs,) if inputs.get("type") == "ingress" else ()
        case "azure-native:network:NetworkSecurityGroup":
            rules = [rule for rule in inputs.get("securityRules") or () if _lets_in(rule)]
        case "azure-native:network:SecurityRule":
            rules = (inputs,) if _lets_in(inputs) else ()
        case _:
            rules = ()
    for rule in rules:
        if isinstance(rule, Mapping) and is_world(_sources(rule)):
            yield _port(rule)


def _lets_in(rule: Any) -> bool:  # noqa: ANN401 - any JSON
    if not isinstance(rule, Mapping):
        return False
    return (str(rule.get("direction")).lower(), str(rule.get("access")).lower()) == ("inbound", "allow")


def _sources(rule: Mapping[str, Any]) -> set[str]:
    keys = ("cidrBlocks", "ipv6CidrBlocks", "sourceAddressPrefixes")
    listed = [word for key in keys for word in rule.get(key) or () if isinstance(word, str)]
    single = [rule.get(key) for key in ("cidrIpv4", "cidrIpv6", "sourceAddressPrefix")]
    return {*listed, *(word for word in single if isinstance(word, str))}


def _port(rule: Mapping[str, Any]) -> str:
    protocol = rule.get("protocol") or rule.get("ipProtocol") or ""
    ports = rule.get("destinationPortRange") or rule.get("destinationPortRanges")
    if ports is None:
        first, last = rule.get("fromPort"), rule.get("toPort")
        ports = first if first == last else f"{first}-{last}"
    return f"{protocol} {ports}".strip()
