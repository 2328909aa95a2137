"""Data at rest and in transit is encrypted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from policy.rules.model import Resource, ResourceRule, Stack, StackRule, decided, items, mapping, yes

BUCKETS = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")
_ENCRYPTIONS = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
)
_TLS = ("tls1_2", "tls1_3")


def disks(resource: Resource, stack: Stack) -> Iterator[str]:
    """EBS volumes. (Azure encrypts every managed disk; there is no input that says otherwise.)"""
    for path, volume in _volumes(resource):
        if not yes(volume.get("encrypted")):
            yield f"{path}encrypted: must be true, or the volume's data can be read from a copy of it"


def _volumes(resource: Resource) -> Iterator[tuple[str, Any]]:
    inputs = resource.inputs
    if resource.kind == "aws:ebs/volume:Volume":
        yield "", inputs
    elif resource.kind == "aws:ec2/launchTemplate:LaunchTemplate":
        for number, device in enumerate(items(inputs.get("blockDeviceMappings"))):
            if "ebs" in device:
                yield f"blockDeviceMappings[{number}].ebs.", mapping(device["ebs"])
    elif resource.kind == "aws:ec2/instance:Instance":
        yield "rootBlockDevice.", mapping(inputs.get("rootBlockDevice"))
        for number, device in enumerate(items(inputs.get("ebsBlockDevices"))):
            yield f"ebsBlockDevices[{number}].", device


def transport(resource: Resource, stack: Stack) -> Iterator[str]:
    """Stores that are asked over the network take TLS 1.2 or later, and nothing else."""
    if resource.kind != "azure-native:storage:StorageAccount":
        return
    inputs = resource.inputs
    if not yes(inputs.get("enableHttpsTrafficOnly", True)):
        yield "enableHttpsTrafficOnly: must be true"
    least = inputs.get("minimumTlsVersion")
    # Azure takes its words in any case.
    if decided(least) and str(least).lower() not in _TLS:
        yield "minimumTlsVersion: must be TLS1_2 or later"


def stores(resources: Sequence[Resource], stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Buckets say how they are encrypted.

    Which configuration is whose may not be known before the bucket is made: they are counted.
    """
    buckets = [resource for resource in resources if resource.kind in BUCKETS]
    said = [resource for resource in resources if resource.kind in _ENCRYPTIONS]
    if len(said) < len(buckets):
        for bucket in buckets:
            yield bucket, f"{len(buckets)} buckets, and {len(said)} of them say how they are encrypted"


RULES = (
    ResourceRule(name="encrypted-disks", description="Disks are encrypted.", check=disks),
    ResourceRule(name="encrypted-transport", description="Stores are reached by TLS alone.", check=transport),
    StackRule(name="encrypted-stores", description="Buckets are encrypted.", check=stores),
)
