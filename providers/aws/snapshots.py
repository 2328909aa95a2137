"""Snapshots of the data volumes of members, by Amazon Data Lifecycle Manager."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import Input, ResourceOptions
from pulumi_aws import dlm

from providers.aws.names import Names
from settings.clouds import VolumeSnapshotSettings

SNAPSHOT_TAG = "kubewright:snapshots"
"""The tag of volumes that get snapshots. Its value is the name of the cluster."""


@dataclass(frozen=True, kw_only=True)
class SnapshotArgs:
    """Arguments of the snapshots. `role` is the ARN of the role that creates and deletes them."""

    names: Names
    role: Input[str]
    settings: VolumeSnapshotSettings


def create_snapshot_policy(name: str, args: SnapshotArgs, opts: ResourceOptions) -> dlm.LifecyclePolicy:
    """Create the policy that takes snapshots of the members' volumes and deletes old snapshots."""
    settings = args.settings
    schedule = dlm.LifecyclePolicyPolicyDetailsScheduleArgs(
        name=f"every {settings.every_hours} h",
        create_rule=dlm.LifecyclePolicyPolicyDetailsScheduleCreateRuleArgs(
            interval=settings.every_hours, interval_unit="HOURS", times="03:00"
        ),
        retain_rule=dlm.LifecyclePolicyPolicyDetailsScheduleRetainRuleArgs(count=settings.keep),
        # The permission to delete a snapshot depends on the tags of its volume.
        copy_tags=True,
    )
    return dlm.LifecyclePolicy(
        name,
        description=f"Data volumes of the cluster {args.names.cluster}",
        execution_role_arn=args.role,
        state="ENABLED",
        policy_details=dlm.LifecyclePolicyPolicyDetailsArgs(
            policy_type="EBS_SNAPSHOT_MANAGEMENT",
            resource_types=["VOLUME"],
            target_tags={SNAPSHOT_TAG: args.names.cluster},
            schedules=[schedule],
        ),
        tags=args.names.resource_tags("snapshots"),
        opts=opts,
    )
