"""What the firewalls of clouds and hosts open to everybody."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_WORLD = frozenset({"0.0.0.0/0", "::/0", "*", "Internet", "Any"})
# A line of the hosts' packet filter without a source (`nodeconfig.firewall`).
_OPEN = re.compile(r"^\s*((?:tcp|udp) dport \S+) accept", re.MULTILINE)


def of_host(script: str) -> list[str]:
    """The lines of a bundle's text that open a port of the host and name no source."""
    return _OPEN.findall(script)


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
        if isinstance(rule, Mapping) and _sources(rule) & _WORLD:
            yield _port(rule)


def _lets_in(rule: Any) -> bool:  # noqa: ANN401 - any JSON
    return isinstance(rule, Mapping) and rule.get("direction") == "Inbound" and rule.get("access") == "Allow"


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
