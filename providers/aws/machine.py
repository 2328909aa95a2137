"""Launch templates: the root volume, metadata service, tags and user data of every instance."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import Input, Output, ResourceOptions
from pulumi_aws import autoscaling, ec2

from providers.aws.image import Image
from providers.aws.names import Names

TERMINATION_HOOK, LAUNCH_HOOK = "leaving", "joining"
"""Names of the lifecycle hooks, which the boot program (`boot.sh`) completes."""
_HEARTBEAT_SECONDS = 90
"""Seconds after which AWS terminates a leaving machine that does not renew its wait, such as a dead
machine.
"""
_MAX_HEARTBEATS = 100
"""Maximum number of timeouts that a machine can wait in total ("Characteristics of lifecycle hooks" in the
user guide of EC2 Auto Scaling).
"""
_DRAIN_MARGIN_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class MachineArgs:
    """Arguments of a launch template, whose name is `<cluster>-<name_suffix>`.

    `kind` is the kind of machine config, `disk` the size of the root volume in whole GiB, `profile` the ARN
    of the instance profile. `program` is the boot program, `digest` the digest of the bundles, which is
    readable in a preview unlike base64 user data. `disk_key` is the ARN of the KMS key of the root volume,
    empty for the default key of the account. Either `group` is the security group, or `interface` is an
    existing network interface, which has its own security groups.
    """

    names: Names
    name_suffix: str
    kind: str
    type: str
    image: Image
    disk: int
    profile: Input[str]
    program: Input[str]
    digest: Input[str]
    ssh_key: str
    tags: Mapping[str, str]
    disk_key: str = ""
    group: Input[str] | None = None
    interface: Input[str] | None = None


def create_launch_template(name: str, args: MachineArgs, opts: ResourceOptions) -> ec2.LaunchTemplate:
    """Create the launch template of a member or a pool."""
    tags = args.names.resource_tags(args.name_suffix, args.tags)
    return ec2.LaunchTemplate(
        name,
        name=args.names.name(args.name_suffix),
        description=Output.concat("Bundles ", args.digest),
        update_default_version=True,
        image_id=args.image.id,
        instance_type=args.type,
        key_name=args.ssh_key or None,
        user_data=Output.from_input(args.program).apply(_base64),
        iam_instance_profile=ec2.LaunchTemplateIamInstanceProfileArgs(arn=args.profile),
        network_interfaces=[_network_interface(args)] if args.interface is not None else None,
        vpc_security_group_ids=[args.group] if args.group is not None else None,
        block_device_mappings=[_root_volume(args)],
        metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled",
            http_tokens="required",
            # One hop: pods on the pod network are two hops away and get no permissions of their node.
            http_put_response_hop_limit=1,
            # When enabled, AWS rejects tag keys with a slash, such as those of Kubernetes.
            instance_metadata_tags="disabled",
        ),
        tag_specifications=[
            ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=tags)
            for kind in ("instance", "volume")
        ],
        tags=tags,
        opts=opts,
    )


def hook_timeout(drain_seconds: int) -> int:
    """Return the timeout of the termination hook in seconds.

    A machine renews its wait while it drains (`cloud_renew` in boot.sh). A machine that is dead does not, and
    AWS replaces it after this timeout. AWS allows 30 to 7200 seconds.
    """
    return max(_HEARTBEAT_SECONDS, -(-max_drain_seconds(drain_seconds) // _MAX_HEARTBEATS))


def max_drain_seconds(drain_seconds: int) -> int:
    """Return the time in seconds for which a leaving machine renews its wait: its drain, and a margin."""
    return drain_seconds + _DRAIN_MARGIN_SECONDS


def _network_interface(args: MachineArgs) -> ec2.LaunchTemplateNetworkInterfaceArgs:
    """Return the reference to an existing network interface.

    Other inputs would conflict with the interface (terraform-provider-aws, issues 7615 and 7835).
    """
    return ec2.LaunchTemplateNetworkInterfaceArgs(
        device_index=0, network_interface_id=args.interface, delete_on_termination="false"
    )


def _root_volume(args: MachineArgs) -> ec2.LaunchTemplateBlockDeviceMappingArgs:
    return ec2.LaunchTemplateBlockDeviceMappingArgs(
        device_name=args.image.root_device,
        ebs=ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
            encrypted="true",
            kms_key_id=args.disk_key or None,
            volume_type="gp3",
            volume_size=args.disk,
            delete_on_termination="true",
        ),
    )


def _base64(program: str) -> str:
    return base64.b64encode(program.encode()).decode()


def group_tags(tags: Mapping[str, Input[str]]) -> list[autoscaling.GroupTagArgs]:
    """Return tags as inputs of an Auto Scaling group. Its machines get their tags from the template."""
    return [
        autoscaling.GroupTagArgs(key=key, value=value, propagate_at_launch=False)
        for key, value in tags.items()
    ]
