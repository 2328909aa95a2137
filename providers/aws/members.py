"""Members: machines with a stable name, address and data volume (control planes and separate etcd members).

Each member is an Auto Scaling group of one machine in one zone. Interface and volume are separate resources:
the launch template names the interface, the boot program attaches the volume. AWS replaces a terminated
machine, and the new one has the same identity without any action of an operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from pulumi import ComponentResource, CustomTimeouts, Input, Output, Resource, ResourceOptions
from pulumi_aws import autoscaling, ebs, ec2

from providers.aws.machine import (
    TERMINATION_HOOK,
    MachineArgs,
    create_launch_template,
    group_tags,
    hook_timeout,
)
from providers.aws.names import KIND_TAG, Names
from providers.aws.snapshots import SNAPSHOT_TAG
from providers.cloud.placement import Placement


@dataclass(frozen=True, kw_only=True)
class StableIdentityArgs:
    """Arguments of a stable identity.

    `member` is the name of the member, `kind` the kind of its machine config. `group` is the id of the
    security group, `data_disk` the size of the data volume in whole GiB. `disk_key` is the ARN of the KMS key
    of the volume, empty for the default key of the account.
    """

    names: Names
    member: str
    kind: str
    address: IPv4Address
    zone: Input[str]
    subnet: Input[str]
    group: Input[str]
    data_disk: int
    disk_key: str = ""


class StableIdentity(ComponentResource):
    """The network interface and data volume of a member, which outlive its machines."""

    interface: Output[str]
    volume: Output[str]

    def __init__(self, name: str, args: StableIdentityArgs, opts: ResourceOptions | None = None) -> None:
        placement = Placement(address=str(args.address), zone=args.zone, subnet=args.subnet)
        super().__init__("kubewright:aws:Seat", name, placement.inputs, opts)
        tags = {KIND_TAG: args.kind}
        interface = ec2.NetworkInterface(
            f"{name}-interface",
            description=f"{args.names.cluster}: {args.member}",
            subnet_id=args.subnet,
            private_ips=[str(args.address)],
            security_groups=[args.group],
            tags=args.names.resource_tags(args.member, tags),
            opts=ResourceOptions(parent=self, delete_before_replace=True),
        )
        volume = ebs.Volume(
            f"{name}-data",
            availability_zone=args.zone,
            size=args.data_disk,
            type="gp3",
            encrypted=True,
            kms_key_id=args.disk_key or None,
            tags=args.names.resource_tags(f"{args.member}-data", tags | {SNAPSHOT_TAG: args.names.cluster}),
            # The volume holds etcd's data: replacing it requires `protect` to be removed first.
            opts=ResourceOptions(parent=self, protect=True),
        )
        self.interface, self.volume = interface.id, volume.id
        self.register_outputs({"interface": self.interface, "volume": self.volume})


@dataclass(frozen=True, kw_only=True)
class MemberArgs:
    """Arguments of a member. `machine` are the arguments of its launch template, without the interface."""

    machine: MachineArgs
    identity: StableIdentity
    zone: Input[str]
    drain_seconds: int


class Member(ComponentResource):
    """A member as Auto Scaling group with one machine.

    `group` is the name of the group, `version` the version of its launch template.
    `dependencies` are resources that must exist before a machine boots.
    """

    group: Output[str]
    version: Output[str]

    def __init__(
        self,
        name: str,
        args: MemberArgs,
        *,
        dependencies: Sequence[Resource] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("kubewright:aws:Member", name, None, opts)
        child = ResourceOptions(parent=self)
        template = create_launch_template(
            f"{name}-template", replace(args.machine, interface=args.identity.interface), child
        )
        self.version = template.latest_version.apply(str)
        group = self._create_scaling_group(name, args, template, dependencies)
        autoscaling.LifecycleHook(
            f"{name}-leaving",
            name=TERMINATION_HOOK,
            autoscaling_group_name=group.name,
            lifecycle_transition="autoscaling:EC2_INSTANCE_TERMINATING",
            heartbeat_timeout=hook_timeout(args.drain_seconds),
            default_result="CONTINUE",
            opts=child,
        )
        self.group = group.name
        self.register_outputs({"group": self.group})

    def _create_scaling_group(
        self, name: str, args: MemberArgs, template: ec2.LaunchTemplate, dependencies: Sequence[Resource]
    ) -> autoscaling.Group:
        machine, names = args.machine, args.machine.names
        return autoscaling.Group(
            f"{name}-group",
            name=names.name(machine.name_suffix),
            # A template with an interface requires the zone instead of a subnet.
            availability_zones=[args.zone],
            min_size=1,
            max_size=1,
            launch_template=autoscaling.GroupLaunchTemplateArgs(id=template.id, version=self.version),
            health_check_type="EC2",
            health_check_grace_period=300,
            # The old machine terminates first: interface and volume attach to one machine only.
            instance_maintenance_policy=autoscaling.GroupInstanceMaintenancePolicyArgs(
                min_healthy_percentage=0, max_healthy_percentage=100
            ),
            # AWS retries a launch while the interface is still in use. The gate waits for health.
            ignore_failed_scaling_activities=True,
            wait_for_capacity_timeout="0",
            tags=group_tags(names.resource_tags(machine.name_suffix, machine.tags)),
            opts=ResourceOptions(
                parent=self,
                delete_before_replace=True,
                custom_timeouts=CustomTimeouts(delete="40m"),
                depends_on=list(dependencies),
            ),
        )
