"""The descriptor of AWS: resource types, readers of resource inputs, prices, and the provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from providers.aws.resources import READERS
from providers.descriptor import MIB, CloudDescriptor, ResourceTypes
from topology.model import Size

if TYPE_CHECKING:
    from components.provider import Provider
    from components.scope import Scope
    from nodeconfig.bundle import Bundle
    from providers.cloud.requests import CloudMachines, CopyStore
    from settings.cluster import Settings
    from topology.model import Role, Topology

_TYPES = ResourceTypes(
    machines=("aws:ec2/instance:Instance",),
    machine_groups=("aws:autoscaling/group:Group",),
    launch_templates=("aws:ec2/launchTemplate:LaunchTemplate",),
    machine_inputs=("launchTemplate", "mixedInstancesPolicy"),
    cost_inputs=("instanceType", "minSize", "mixedInstancesPolicy"),
    stores=("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"),
    store_encryptions=(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
    ),
    public_access_blocks=("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",),
    # A volume or bucket cannot be read without its key.
    stateful=(
        "aws:ebs/volume:Volume",
        "aws:efs/fileSystem:FileSystem",
        "aws:s3/bucket:Bucket",
        "aws:kms/key:Key",
    ),
    api_endpoints=("aws:lb/loadBalancer:LoadBalancer", "aws:lb/listener:Listener"),
    tags_required=frozenset(
        {
            "aws:autoscaling/group:Group",
            "aws:ebs/volume:Volume",
            "aws:ec2/eip:Eip",
            "aws:ec2/instance:Instance",
            "aws:ec2/launchTemplate:LaunchTemplate",
            "aws:ec2/natGateway:NatGateway",
            "aws:ec2/networkInterface:NetworkInterface",
            "aws:ec2/securityGroup:SecurityGroup",
            "aws:ec2/subnet:Subnet",
            "aws:ec2/vpc:Vpc",
            "aws:efs/fileSystem:FileSystem",
            "aws:kms/key:Key",
            "aws:lb/loadBalancer:LoadBalancer",
            "aws:s3/bucket:Bucket",
            "aws:s3/bucketV2:BucketV2",
        }
    ),
)


def _machine_prices(region: str) -> Mapping[str, float] | None:
    from providers.aws.prices import PRICES

    return PRICES[region].machines if region in PRICES else None


def _machine_size(machine_type: str) -> Size | None:
    from providers.aws.machine_types import type_table

    known = type_table().types.get(machine_type)
    return Size(cpus=known.vcpus, memory=known.memory * MIB) if known else None


def _create_provider(
    settings: Settings,
    topology: Topology,
    files: Mapping[str, str],
    bundles: Mapping[tuple[str, Role], Bundle],
    scope: Scope,
) -> Provider:
    from providers.aws.provider import AwsProvider

    return AwsProvider(settings, topology, files, bundles, scope)


def _open_machines(settings: Settings, variables: Mapping[str, str]) -> CloudMachines:
    from providers.aws.requests import open_machines

    return open_machines(settings, variables)


def _open_copies(settings: Settings, variables: Mapping[str, str]) -> CopyStore:
    from providers.aws.requests import open_copies

    return open_copies(settings, variables)


AWS = CloudDescriptor(
    settings_section="aws",
    title="AWS",
    plugin="aws",
    types=_TYPES,
    readers=READERS,
    machine_prices=_machine_prices,
    machine_size=_machine_size,
    create_provider=_create_provider,
    open_machines=_open_machines,
    open_copies=_open_copies,
)
