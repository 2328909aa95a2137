"""Nothing is open to everyone that need not be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from policy.rules.encryption import BUCKETS
from policy.rules.model import (
    Resource,
    ResourceRule,
    SettingsRule,
    Stack,
    StackRule,
    decided,
    items,
    mapping,
    texts,
    yes,
)

_EVERYONE = ("*", "any", "internet")
_ICMP = ("icmp", "icmpv6", "1", "58")
"""Reachability and path MTU: no service answers it."""
_GROUPS = ("aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
_BLOCKS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_POLICIES = "aws:s3/bucketPolicy:BucketPolicy"
_BLOCKED = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def everyone(source: str) -> bool:
    """Whether a source of a rule is all of the internet, or a part of it that is nobody's own."""
    if source.lower() in _EVERYONE:
        return True
    try:
        return _is_wide(ip_network(source, strict=False))
    except ValueError:
        return False  # one of the cloud's names, or not known yet


def _is_wide(network: IPv4Network | IPv6Network) -> bool:
    """Nobody was ever given more than a /8; halves of the world are the world, too."""
    return network.prefixlen < (8 if network.version == 4 else 16)


def ingress(resource: Resource, stack: Stack) -> Iterator[str]:
    """Security groups of both clouds: none lets everyone in, but to an API that is meant to be public."""
    for path, protocol, port, sources in [*_aws(resource), *_azure(resource)]:
        open_to = [source for source in sources if everyone(source)]
        if not open_to or protocol.lower() in _ICMP:
            continue
        if _meant(stack) and port in map(str, stack.api_ports):
            continue
        yield f"{path}: lets {open_to[0]} reach port {port} ({protocol}); list the networks that need it"


def _meant(stack: Stack) -> bool:
    """Whether the settings open the API to everyone. Of production another rule speaks."""
    return any(map(_is_wide, stack.api_allowed))


_Opening = tuple[str, str, str, list[str]]
"""Path, protocol, port, sources."""


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
        said = (str(rule.get(key, "")).lower() for key in ("direction", "access"))
        if tuple(said) == ("inbound", "allow"):
            sources = [*texts(rule.get("sourceAddressPrefix")), *texts(rule.get("sourceAddressPrefixes"))]
            ports = [*texts(rule.get("destinationPortRange")), *texts(rule.get("destinationPortRanges"))]
            yield f"{path}sourceAddressPrefix", str(rule.get("protocol", "")), ", ".join(ports), sources


def api(stack: Stack) -> Iterator[str]:
    """In production someone decided who may reach the API."""
    if stack.production and any(map(_is_wide, stack.api_allowed)):
        yield "network.api_allowed: lets everyone reach the API, or much of the world; list your networks"


def public_stores(resource: Resource, stack: Stack) -> Iterator[str]:
    """No store answers somebody who says not who they are."""
    inputs = resource.inputs
    if resource.kind == _BLOCKS:
        for key in _BLOCKED:
            if not yes(inputs.get(key)):
                yield f"{key}: must be true"
    elif resource.kind == _POLICIES:
        if _lets_everyone(inputs.get("policy")):
            yield "policy: a statement allows something to everyone, without a condition"
    elif resource.kind in BUCKETS and str(inputs.get("acl", "")).startswith("public"):
        yield "acl: must not be public"
    elif resource.kind == "azure-native:storage:StorageAccount":
        # Azure's own default was true for long.
        public = inputs.get("allowBlobPublicAccess")
        if public is not False and decided(public):
            yield "allowBlobPublicAccess: must be false"
    elif resource.kind == "azure-native:storage:BlobContainer":
        access = inputs.get("publicAccess", "None")
        if access != "None" and decided(access):
            yield "publicAccess: must be None"


def _lets_everyone(policy: object) -> bool:
    try:
        document = json.loads(policy) if isinstance(policy, str) and decided(policy) else policy
    except ValueError:
        return False
    statements = mapping(document).get("Statement")
    for statement in items(statements if isinstance(statements, list) else [statements]):
        whom = statement.get("Principal")
        whom = mapping(whom).get("AWS", whom)
        if statement.get("Effect") == "Allow" and "*" in texts(whom) and not statement.get("Condition"):
            return True
    return False


def unblocked_stores(resources: Sequence[Resource], stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Every bucket has its block of public access; whose is whose may not be known yet: they are counted."""
    buckets = [resource for resource in resources if resource.kind in BUCKETS]
    blocks = [resource for resource in resources if resource.kind == _BLOCKS]
    if len(blocks) < len(buckets):
        for bucket in buckets:
            yield bucket, f"{len(buckets)} buckets, and {len(blocks)} blocks of public access"


def public_machines(resource: Resource, stack: Stack) -> Iterator[str]:
    """Machines have no public addresses: the balancer alone has."""
    inputs = resource.inputs
    if resource.kind == "aws:ec2/instance:Instance" and inputs.get("associatePublicIpAddress") is True:
        yield "associatePublicIpAddress: must not be true"
    if resource.kind == "aws:ec2/subnet:Subnet" and inputs.get("mapPublicIpOnLaunch") is True:
        yield "mapPublicIpOnLaunch: must not be true"
    if resource.kind == "azure-native:compute:VirtualMachineScaleSet":
        profile = mapping(mapping(inputs.get("virtualMachineProfile")).get("networkProfile"))
        for interface in items(profile.get("networkInterfaceConfigurations")):
            if any(
                "publicIPAddressConfiguration" in each for each in items(interface.get("ipConfigurations"))
            ):
                yield "virtualMachineProfile: publicIPAddressConfiguration: must be left out"
    if resource.kind == "aws:ec2/launchTemplate:LaunchTemplate":
        for number, interface in enumerate(items(inputs.get("networkInterfaces"))):
            if str(interface.get("associatePublicIpAddress", "false")).lower() == "true":
                yield f"networkInterfaces[{number}].associatePublicIpAddress: must not be true"
    if resource.kind == "azure-native:network:NetworkInterface":
        for number, address in enumerate(items(inputs.get("ipConfigurations"))):
            if mapping(address.get("publicIPAddress")):
                yield f"ipConfigurations[{number}].publicIPAddress: must be left out"


RULES = (
    ResourceRule(
        name="no-open-ingress",
        description="Firewalls let nobody in from anywhere, but to a public API.",
        check=ingress,
    ),
    SettingsRule(
        name="no-open-api", description="In production the API is open to listed networks alone.", check=api
    ),
    ResourceRule(name="no-public-store", description="Stores are not public.", check=public_stores),
    StackRule(
        name="public-access-blocked", description="Every bucket blocks public access.", check=unblocked_stores
    ),
    ResourceRule(
        name="no-public-machine", description="Machines have no public address.", check=public_machines
    ),
)
