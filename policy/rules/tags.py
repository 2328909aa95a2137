"""Whose a thing is can be read from it: what costs money carries the cluster's tag."""

from __future__ import annotations

from collections.abc import Iterator

from policy.rules.model import Resource, ResourceRule, Stack, decided, items, mapping

TAG = "kubewright:cluster"
TAGS = frozenset({TAG, "kubewright-cluster"})
"""AWS's form, and one for names that take no colon."""
_ASG = "aws:autoscaling/group:Group"
TAGGED = frozenset(
    {
        "aws:ebs/volume:Volume",
        "aws:ec2/eip:Eip",
        "aws:ec2/instance:Instance",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/natGateway:NatGateway",
        "aws:ec2/networkInterface:NetworkInterface",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/vpc:Vpc",
        "aws:kms/key:Key",
        "aws:lb/loadBalancer:LoadBalancer",
        "aws:s3/bucket:Bucket",
        "aws:s3/bucketV2:BucketV2",
        "azure-native:compute:Disk",
        "azure-native:compute:VirtualMachine",
        "azure-native:compute:VirtualMachineScaleSet",
        "azure-native:keyvault:Vault",
        "azure-native:network:LoadBalancer",
        "azure-native:network:NatGateway",
        "azure-native:network:NetworkInterface",
        "azure-native:network:NetworkSecurityGroup",
        "azure-native:network:PublicIPAddress",
        "azure-native:network:VirtualNetwork",
        "azure-native:resources:ResourceGroup",
        "azure-native:storage:StorageAccount",
    }
)
"""What takes tags and costs money or holds data."""


def tagged(resource: Resource, stack: Stack) -> Iterator[str]:
    """The tag is there, with this cluster's name."""
    if resource.kind == _ASG:
        # What the group makes is what counts.
        pairs = {str(tag.get("key")): tag.get("value") for tag in items(resource.inputs.get("tags"))}
    elif resource.kind in TAGGED:
        # `tagsAll` has those that the provider adds to everything.
        given = [resource.inputs.get(key) for key in ("tags", "tagsAll")]
        if any(value is not None and not decided(value) for value in given):
            return
        pairs = {**mapping(given[0]), **mapping(given[1])}
    else:
        return
    values = [pairs[key] for key in TAGS if key in pairs]
    if not values:
        yield f"tags: {TAG} is missing; it must be {stack.cluster!r}"
    elif stack.cluster not in values and all(decided(value) for value in values):
        yield f"tags: {TAG} must be {stack.cluster!r}"


RULES = (
    ResourceRule(name="tagged", description="What costs money carries the cluster's tag.", check=tagged),
)
