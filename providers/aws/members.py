"""Machines with a stable name, address and data volume: control planes, and etcd's own.

Each is an Auto Scaling group of one, pinned to its zone. The interface and the volume are resources of
their own: the template names the interface, the boot program attaches the volume. A terminated machine
is replaced by AWS and comes back as itself, without anyone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from pulumi import ComponentResource, CustomTimeouts, Input, Output, Resource, ResourceOptions
from pulumi_aws import autoscaling, dlm, ebs, ec2

from providers.aws.machine import LEAVING, MachineArgs, group_tags, heartbeat, template
from providers.aws.names import KIND_TAG, Names
from providers.cloud.placement import Placement
from settings.clouds import VolumeSnapshotSettings

SNAPSHOT_TAG = "kubewright:snapshots"
"""On volumes that are snapshotted; its value is the cluster."""


@dataclass(frozen=True, kw_only=True)
class StableIdentityArgs:
    """What of a member outlives its machines. `zone` and `subnet` are where; `data_disk` is whole GiB."""

    names: Names
    member: str
    kind: str
    address: IPv4Address
    zone: Input[str]
    subnet: Input[str]
    group: Input[str]
    data_disk: int


class StableIdentity(ComponentResource):
    """A member's network interface and data volume, whose ids its user data and template carry."""

    interface: Output[str]
    volume: Output[str]

    def __init__(self, name: str, args: StableIdentityArgs, opts: ResourceOptions | None = None) -> None:
        place = Placement(address=str(args.address), zone=args.zone, subnet=args.subnet)
        super().__init__("kubewright:aws:Seat", name, place.inputs, opts)
        own = {KIND_TAG: args.kind}
        interface = ec2.NetworkInterface(
            f"{name}-interface",
            description=f"{args.names.cluster}: {args.member}",
            subnet_id=args.subnet,
            private_ips=[str(args.address)],
            security_groups=[args.group],
            tags=args.names.tagged(args.member, own),
            opts=ResourceOptions(parent=self, delete_before_replace=True),
        )
        volume = ebs.Volume(
            f"{name}-data",
            availability_zone=args.zone,
            size=args.data_disk,
            type="gp3",
            encrypted=True,
            tags=args.names.tagged(f"{args.member}-data", own | {SNAPSHOT_TAG: args.names.cluster}),
            # etcd's data: a change that would replace it is refused until somebody says that he means it.
            opts=ResourceOptions(parent=self, protect=True),
        )
        self.interface, self.volume = interface.id, volume.id
        self.register_outputs({"interface": self.interface, "volume": self.volume})


@dataclass(frozen=True, kw_only=True)
class MemberArgs:
    """The machine of a seat. `machine` is its template's arguments, without the interface."""

    machine: MachineArgs
    seat: StableIdentity
    zone: Input[str]
    drain_seconds: int


class Member(ComponentResource):
    """The group of one: its name, and the version of its template. It is made after all that is `ready`."""

    group: Output[str]
    version: Output[str]

    def __init__(
        self,
        name: str,
        args: MemberArgs,
        *,
        ready: Sequence[Resource] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("kubewright:aws:Member", name, None, opts)
        child = ResourceOptions(parent=self)
        machine, names = args.machine, args.machine.names
        described = template(f"{name}-template", replace(machine, interface=args.seat.interface), child)
        self.version = described.latest_version.apply(str)
        made = autoscaling.Group(
            f"{name}-group",
            name=names.name(machine.part),
            # With an interface in the template the zone is given, not a subnet.
            availability_zones=[args.zone],
            min_size=1,
            max_size=1,
            launch_template=autoscaling.GroupLaunchTemplateArgs(id=described.id, version=self.version),
            health_check_type="EC2",
            health_check_grace_period=300,
            # The old machine goes before the new one comes: it has the interface and the volume.
            instance_maintenance_policy=autoscaling.GroupInstanceMaintenancePolicyArgs(
                min_healthy_percentage=0, max_healthy_percentage=100
            ),
            # A launch that meets the interface still in use is tried again by AWS; health is the gate's.
            ignore_failed_scaling_activities=True,
            wait_for_capacity_timeout="0",
            tags=group_tags(names.tagged(machine.part, machine.tags)),
            opts=ResourceOptions(
                parent=self,
                delete_before_replace=True,
                custom_timeouts=CustomTimeouts(delete="40m"),
                depends_on=list(ready),
            ),
        )
        autoscaling.LifecycleHook(
            f"{name}-leaving",
            name=LEAVING,
            autoscaling_group_name=made.name,
            lifecycle_transition="autoscaling:EC2_INSTANCE_TERMINATING",
            heartbeat_timeout=heartbeat(args.drain_seconds),
            default_result="CONTINUE",
            opts=child,
        )
        self.group = made.name
        self.register_outputs({"group": self.group})


def snapshots(
    name: str, names: Names, role: Input[str], settings: VolumeSnapshotSettings, opts: ResourceOptions
) -> dlm.LifecyclePolicy:
    """Snapshots of the members' volumes by AWS itself, as often as the settings say."""
    schedule = dlm.LifecyclePolicyPolicyDetailsScheduleArgs(
        name=f"every {settings.every_hours} h",
        create_rule=dlm.LifecyclePolicyPolicyDetailsScheduleCreateRuleArgs(
            interval=settings.every_hours, interval_unit="HOURS", times="03:00"
        ),
        retain_rule=dlm.LifecyclePolicyPolicyDetailsScheduleRetainRuleArgs(count=settings.keep),
        # With the tag by which they may be deleted again.
        copy_tags=True,
    )
    return dlm.LifecyclePolicy(
        name,
        description=f"Data volumes of the cluster {names.cluster}",
        execution_role_arn=role,
        state="ENABLED",
        policy_details=dlm.LifecyclePolicyPolicyDetailsArgs(
            policy_type="EBS_SNAPSHOT_MANAGEMENT",
            resource_types=["VOLUME"],
            target_tags={SNAPSHOT_TAG: names.cluster},
            schedules=[schedule],
        ),
        tags=names.tagged("snapshots"),
        opts=opts,
    )
