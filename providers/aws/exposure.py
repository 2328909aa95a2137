"""Readers that find public access and missing encryption in AWS resources."""

from __future__ import annotations

import json
from collections.abc import Iterator

from providers.resources import Inputs, IsPublic, Opening, mapping, mappings, may_be_true, strings
from topology.service_account_tokens import PUBLIC_DOCUMENTS

BUCKETS = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
PUBLIC_ACCESS_BLOCKS = ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",)
VOLUMES = ("aws:ebs/volume:Volume",)
FILE_SYSTEMS = ("aws:efs/fileSystem:FileSystem",)
_GROUPS = ("aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
_MACHINES = (
    "aws:ec2/instance:Instance",
    "aws:ec2/spotInstanceRequest:SpotInstanceRequest",
    "aws:ec2/launchConfiguration:LaunchConfiguration",
)
_BLOCK_INPUTS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_BUCKET_POLICIES = ("aws:s3/bucketPolicy:BucketPolicy",)
_POLICIES = (*_BUCKET_POLICIES, *BUCKETS)
_ACLS = ("aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2", *BUCKETS)
_PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")
"""`authenticated-read` allows every AWS account."""
_RESTRICTING_KEYS = frozenset({
    "aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths",
    "aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourcevpc", "aws:sourcevpce", "aws:userid",
})  # fmt: skip
"""Condition keys that restrict access to the owner's accounts or networks (docs.aws.amazon.com: global
condition context keys)."""


def openings(resource_type: str, inputs: Inputs) -> Iterator[Opening]:
    """Yield an `Opening` for each ingress rule, in a security group or as a separate resource."""
    if resource_type in _GROUPS:
        for number, rule in enumerate(mappings(inputs.get("ingress"))):
            yield _rule_opening(f"ingress[{number}]", rule)
    elif resource_type == "aws:ec2/securityGroupRule:SecurityGroupRule" and inputs.get("type") == "ingress":
        yield _rule_opening("cidrBlocks", inputs)
    elif resource_type == "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule":
        sources = (*strings(inputs.get("cidrIpv4")), *strings(inputs.get("cidrIpv6")))
        yield Opening("cidr", str(inputs.get("ipProtocol", "")), _port_range(inputs), sources)


def _rule_opening(path: str, rule: Inputs) -> Opening:
    sources = (*strings(rule.get("cidrBlocks")), *strings(rule.get("ipv6CidrBlocks")))
    return Opening(path, str(rule.get("protocol", "")), _port_range(rule), sources)


def _port_range(rule: Inputs) -> str:
    first, last = (_port_text(rule.get(key)) for key in ("fromPort", "toPort"))
    return first if first == last else f"{first}-{last}"


def _port_text(value: object) -> str:
    # Numbers of the engine's JSON may be floats.
    return str(int(value)) if isinstance(value, int | float) else str(value)


def public_machines(resource_type: str, inputs: Inputs) -> Iterator[str]:
    """Yield messages about inputs that give a machine a public address, directly or by its subnet."""
    if resource_type in _MACHINES and _is_true(inputs.get("associatePublicIpAddress")):
        yield "associatePublicIpAddress: must not be true"
    elif resource_type == "aws:ec2/launchTemplate:LaunchTemplate":
        for number, interface in enumerate(mappings(inputs.get("networkInterfaces"))):
            if _is_true(interface.get("associatePublicIpAddress")):
                yield f"networkInterfaces[{number}].associatePublicIpAddress: must not be true"
    elif resource_type == "aws:ec2/subnet:Subnet" and _is_true(inputs.get("mapPublicIpOnLaunch")):
        yield "mapPublicIpOnLaunch: must not be true, or every machine in the subnet has a public address"
    elif resource_type == "aws:ec2/eip:Eip" and inputs.get("instance"):
        yield "instance: a machine must not have a public address"
    elif resource_type == "aws:ec2/eipAssociation:EipAssociation" and inputs.get("instanceId"):
        yield "instanceId: a machine must not have a public address"


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"


def public_stores(resource_type: str, inputs: Inputs, is_public: IsPublic) -> Iterator[str]:
    """Yield messages about public access blocks, ACLs and bucket policies that allow anonymous access."""
    if resource_type in PUBLIC_ACCESS_BLOCKS:
        for key in _BLOCK_INPUTS:
            if not may_be_true(inputs.get(key)):
                yield f"{key}: must be true"
    if resource_type in _ACLS and str(inputs.get("acl", "")).lower() in _PUBLIC_ACLS:
        yield "acl: must not be public"
    if resource_type in _POLICIES:
        statements = _policy_statements(inputs.get("policy"))
        if any(_allows_anonymous(statement, is_public) for statement in statements):
            yield "policy: allows anonymous access; name the principals, or the network in a condition"


def publishes_only_issuer(resource_type: str, inputs: Inputs, store: str) -> bool:
    """Return whether a resource of the bucket `store` makes only the issuer's documents public.

    Access lists remain blocked, and only the policy of the bucket can allow anonymous access.
    """
    if inputs.get("bucket") != store:
        return False
    if resource_type in PUBLIC_ACCESS_BLOCKS:
        return all(may_be_true(inputs.get(key)) for key in ("blockPublicAcls", "ignorePublicAcls"))
    return resource_type in _BUCKET_POLICIES and all(
        _reads_documents(statement, store)
        for statement in _policy_statements(inputs.get("policy"))
        if _allows_anonymous(statement, lambda _: True)
    )


def _reads_documents(statement: Inputs, bucket: str) -> bool:
    documents = {f":s3:::{bucket}/{key}" for key in PUBLIC_DOCUMENTS}
    resources = {arn.partition(":")[2] for arn in strings(statement.get("Resource"))}
    names = {resource[resource.find(":") :] for resource in resources}
    return strings(statement.get("Action")) == ["s3:GetObject"] and bool(names) and names <= documents


def _policy_statements(policy: object) -> list[Inputs]:
    try:
        document = json.loads(policy) if isinstance(policy, str) else policy
    except ValueError:
        return []  # the value is not known yet
    statements = mapping(document).get("Statement")
    single = mapping(statements)
    return [single] if single else mappings(statements)


def _allows_anonymous(statement: Inputs, is_public: IsPublic) -> bool:
    if str(statement.get("Effect", "")).lower() != "allow":
        return False
    principal = statement.get("Principal")
    named = mapping(principal).values() or (principal,)
    anonymous = any("*" in strings(each) for each in named) or "NotPrincipal" in statement
    return anonymous and not any(
        _restricts_access(str(operator), str(key).lower(), strings(value), is_public)
        for operator, keys in mapping(statement.get("Condition")).items()
        for key, value in mapping(keys).items()
    )


def _restricts_access(operator: str, key: str, values: list[str], is_public: IsPublic) -> bool:
    # `…Not…` excludes only a few callers, `…IfExists` accepts a caller that does not send the key.
    if "Not" in operator or operator.endswith("IfExists") or operator == "Null":
        return False
    if key == "aws:sourceip":
        return not is_public(values)
    return key in _RESTRICTING_KEYS and not any(value in ("*", "arn:aws:*", "") for value in values)


def unencrypted_disks(resource_type: str, inputs: Inputs) -> Iterator[str]:
    """Yield messages about EBS volumes without encryption (volumes, and disks of launch templates and
    instances), and about file systems of EFS.
    """
    if resource_type in FILE_SYSTEMS and not may_be_true(inputs.get("encrypted")):
        yield "encrypted: must be true"
    for path, volume in _find_volumes(resource_type, inputs):
        if not may_be_true(volume.get("encrypted")):
            yield f"{path}encrypted: must be true, or the volume's data can be read from a copy of it"


def _find_volumes(resource_type: str, inputs: Inputs) -> Iterator[tuple[str, Inputs]]:
    if resource_type in VOLUMES:
        yield "", inputs
    elif resource_type == "aws:ec2/launchTemplate:LaunchTemplate":
        for number, device in enumerate(mappings(inputs.get("blockDeviceMappings"))):
            if "ebs" in device:
                yield f"blockDeviceMappings[{number}].ebs.", mapping(device["ebs"])
    elif resource_type == "aws:ec2/instance:Instance":
        yield "rootBlockDevice.", mapping(inputs.get("rootBlockDevice"))
        for number, device in enumerate(mappings(inputs.get("ebsBlockDevices"))):
            yield f"ebsBlockDevices[{number}].", device


def weak_transport(resource_type: str, inputs: Inputs) -> Iterator[str]:
    """Yield no message, because buckets have no setting for TLS."""
    yield from ()


def unprotected_data(resource_type: str, inputs: Inputs) -> Iterator[str]:
    """Yield a message for a volume that is deleted without a snapshot, and for a file system."""
    if resource_type in FILE_SYSTEMS:
        yield "must have `protect`: it holds the data of pods"
    # AWS takes a snapshot before it deletes a volume with `finalSnapshot`.
    if resource_type in VOLUMES and not may_be_true(inputs.get("finalSnapshot")):
        yield "must have `protect` or `finalSnapshot: true`: it holds a member's data"


def deleted_content(resource_type: str, inputs: Inputs) -> Iterator[str]:
    """Yield a message for a bucket that is deleted together with its objects."""
    if resource_type in BUCKETS and inputs.get("forceDestroy") is True:
        yield "forceDestroy: without `protect` the bucket is deleted with its content"
