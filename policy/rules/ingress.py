"""What the firewalls of both clouds let in, and from where. Pure: rules judge it, and reports of changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policy.rules.model import items, texts

_GROUPS = ("aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")

Opening = tuple[str, str, str, list[str]]
"""Path of the input, protocol, port, sources."""


def openings(kind: str, inputs: Mapping[str, Any]) -> list[Opening]:
    """The openings that a resource of that type makes, one for each of its rules; none of other types."""
    return [*_aws(kind, inputs), *_azure(kind, inputs)]


def _aws(kind: str, inputs: Mapping[str, Any]) -> Iterator[Opening]:
    if kind in _GROUPS:
        for number, rule in enumerate(items(inputs.get("ingress"))):
            yield _aws_rule(f"ingress[{number}]", rule)
    elif kind == "aws:ec2/securityGroupRule:SecurityGroupRule" and inputs.get("type") == "ingress":
        yield _aws_rule("cidrBlocks", inputs)
    elif kind == "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule":
        sources = [*texts(inputs.get("cidrIpv4")), *texts(inputs.get("cidrIpv6"))]
        yield "cidr", str(inputs.get("ipProtocol", "")), _range(inputs), sources


def _aws_rule(path: str, rule: Mapping[str, Any]) -> Opening:
    sources = [*texts(rule.get("cidrBlocks")), *texts(rule.get("ipv6CidrBlocks"))]
    return path, str(rule.get("protocol", "")), _range(rule), sources


def _range(rule: Mapping[str, Any]) -> str:
    first, last = (_number(rule.get(key)) for key in ("fromPort", "toPort"))
    return first if first == last else f"{first}-{last}"


def _number(value: object) -> str:
    # Numbers of the engine's JSON may be floats.
    return str(int(value)) if isinstance(value, int | float) else str(value)


def _azure(kind: str, inputs: Mapping[str, Any]) -> Iterator[Opening]:
    if kind == "azure-native:network:SecurityRule":
        rules = [("", inputs)]
    elif kind == "azure-native:network:NetworkSecurityGroup":
        found = items(inputs.get("securityRules"))
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
