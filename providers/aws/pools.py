"""Pools of workers: a launch template, and an Auto Scaling group with lifecycle hooks in each zone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, CustomTimeouts, Input, Output, Resource, ResourceOptions
from pulumi_aws import autoscaling, ec2

from providers.aws.group_names import group_suffix
from providers.aws.machine import (
    LAUNCH_HOOK,
    TERMINATION_HOOK,
    MachineArgs,
    create_launch_template,
    group_tags,
    hook_timeout,
    max_drain_seconds,
)
from providers.cloud.zones import ZonePart, zone_parts
from topology.model import Capacity, Pool

_LAUNCH_SECONDS = 1800
"""Seconds after which AWS terminates a new node that is not healthy, and the instance refresh fails."""
_NO_WAIT = "0"
_STORAGE_ZONE_LABEL = "topology.ebs.csi.aws.com/zone"


def healthy_percentage(max_size: int, max_unavailable: int) -> int:
    """Return the minimum percentage of a group that stays in service during an instance refresh.

    AWS applies the percentage to the current size, which the autoscaler changes. The percentage is computed
    from the maximum size, so never more than `max_unavailable` machines are missing. AWS rounds such that one
    machine can always be replaced. The groups of a pool change in parallel, so `max_unavailable` applies to
    each zone.
    """
    return max(0, 100 - 100 * max_unavailable // max_size)


def autoscaler_tags(cluster: str, pool: Pool, zone: Input[str]) -> dict[str, Input[str]]:
    """Return the tags that the cluster autoscaler reads: ownership of the group, and labels and taints of its
    nodes. Volumes of the EBS CSI driver select a node by its label with the zone.

    The autoscaler needs the labels and taints if the group has no node (`cloudprovider/aws/README.md`,
    scaling from 0).
    """
    template_key = "k8s.io/cluster-autoscaler/node-template"
    tags: dict[str, Input[str]] = {
        "k8s.io/cluster-autoscaler/enabled": "true",
        f"k8s.io/cluster-autoscaler/{cluster}": "owned",
        f"{template_key}/label/{_STORAGE_ZONE_LABEL}": zone,
    }
    tags |= {f"{template_key}/label/{key}": value for key, value in pool.labels}
    tags |= {f"{template_key}/taint/{taint.key}": f"{taint.value}:{taint.effect}" for taint in pool.taints}
    return tags


@dataclass(frozen=True, kw_only=True)
class PoolArgs:
    """Arguments of a pool. `machine` are the arguments of its launch template. `zones` are names of zones,
    `subnets` the subnet of each zone.

    With `autoscaled` the autoscaler chooses the size; without it the pool has its minimum size.
    """

    pool: Pool
    capacity: Capacity
    machine: MachineArgs
    zones: Sequence[Input[str]]
    subnets: Sequence[Input[str]]
    drain_seconds: int
    autoscaled: bool


class WorkerPool(ComponentResource):
    """The Auto Scaling groups of a pool, one in each zone. The number of resources does not depend on the
    size.

    `groups` are the names of the groups, `version` is the version of their launch template. `dependencies`
    are resources that must exist before a machine boots.
    """

    groups: Sequence[Output[str]]
    version: Output[str]

    def __init__(
        self,
        name: str,
        args: PoolArgs,
        *,
        dependencies: Sequence[Resource] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("kubewright:aws:Pool", name, None, opts)
        self._name, self._args = name, args
        self._child = ResourceOptions(parent=self)
        template = create_launch_template(f"{name}-template", args.machine, self._child)
        self.version = template.latest_version.apply(str)
        parts = zone_parts(args.capacity, len(args.zones))
        self.groups = [self._create_part(part, template, dependencies) for part in parts]
        self.register_outputs({"group": self.groups[0]})

    def _create_part(
        self, part: ZonePart, template: ec2.LaunchTemplate, dependencies: Sequence[Resource]
    ) -> Output[str]:
        """Create the group of a zone with its hooks. Return the name of the group."""
        suffix = group_suffix(self._args.pool.name, part.zone)
        name = self._name + suffix.removeprefix(group_suffix(self._args.pool.name, 0))
        group = self._create_group(name, suffix, part, template, dependencies)
        seconds = hook_timeout(self._args.drain_seconds)
        self._create_hook(name, group, TERMINATION_HOOK, "TERMINATING", seconds, "CONTINUE", retain=True)
        self._create_hook(name, group, LAUNCH_HOOK, "LAUNCHING", _LAUNCH_SECONDS, "ABANDON", retain=False)
        return group.name

    def _create_group(
        self,
        name: str,
        suffix: str,
        part: ZonePart,
        template: ec2.LaunchTemplate,
        dependencies: Sequence[Resource],
    ) -> autoscaling.Group:
        args, names = self._args, self._args.machine.names
        tags: dict[str, Input[str]] = dict(
            names.resource_tags(suffix, {**args.machine.tags, names.kubernetes_tag: "owned"})
        )
        if args.autoscaled:
            tags |= autoscaler_tags(names.cluster, args.pool, args.zones[part.zone])
        return autoscaling.Group(
            f"{name}-group",
            name=names.name(suffix),
            vpc_zone_identifiers=[args.subnets[part.zone]],
            min_size=part.min_size,
            # The group has no desired size, because the autoscaler sets it. An ignored change would send
            # the size of the state.
            max_size=part.max_size if args.autoscaled else part.min_size,
            mixed_instances_policy=self._mixed_instances(template),
            # AWS replaces spot machines before it reclaims them.
            capacity_rebalance=args.capacity.spot,
            health_check_type="EC2",
            health_check_grace_period=300,
            default_instance_warmup=0,
            instance_refresh=self._refresh_settings(part),
            # The group has one zone. Without this setting, a group that once had several would drain nodes.
            suspended_processes=["AZRebalance"],
            ignore_failed_scaling_activities=True,
            wait_for_capacity_timeout=_NO_WAIT,
            tags=group_tags(tags),
            opts=ResourceOptions(
                parent=self,
                delete_before_replace=True,
                # AWS drains all machines at once before it deletes the group.
                custom_timeouts=CustomTimeouts(delete=f"{40 + max_drain_seconds(args.drain_seconds) // 60}m"),
                depends_on=list(dependencies),
            ),
        )

    def _mixed_instances(self, template: ec2.LaunchTemplate) -> autoscaling.GroupMixedInstancesPolicyArgs:
        """Return the policy that selects instance types in the order of the settings.

        For spot machines AWS prefers types that it rarely reclaims.
        """
        spot = self._args.capacity.spot
        specification = autoscaling.GroupMixedInstancesPolicyLaunchTemplateLaunchTemplateSpecificationArgs(
            launch_template_id=template.id, version=self.version
        )
        overrides = [
            autoscaling.GroupMixedInstancesPolicyLaunchTemplateOverrideArgs(instance_type=kind)
            for kind in self._args.capacity.types
        ]
        return autoscaling.GroupMixedInstancesPolicyArgs(
            launch_template=autoscaling.GroupMixedInstancesPolicyLaunchTemplateArgs(
                launch_template_specification=specification, overrides=overrides
            ),
            instances_distribution=autoscaling.GroupMixedInstancesPolicyInstancesDistributionArgs(
                on_demand_base_capacity=0,
                on_demand_percentage_above_base_capacity=0 if spot else 100,
                on_demand_allocation_strategy="prioritized",
                spot_allocation_strategy="price-capacity-optimized" if spot else None,
            ),
        )

    def _refresh_settings(self, part: ZonePart) -> autoscaling.GroupInstanceRefreshArgs:
        """Return the instance refresh, by which AWS replaces machines after a change of the launch template.

        AWS replaces the next machine when the new node is healthy and has completed its launch hook.
        """
        return autoscaling.GroupInstanceRefreshArgs(
            strategy="Rolling",
            preferences=autoscaling.GroupInstanceRefreshPreferencesArgs(
                min_healthy_percentage=healthy_percentage(part.max_size, self._args.pool.max_unavailable),
                instance_warmup="60",
                # Machines that an interrupted refresh has replaced stay.
                skip_matching=True,
                auto_rollback=False,
                scale_in_protected_instances="Wait",
            ),
        )

    def _create_hook(
        self,
        name: str,
        group: autoscaling.Group,
        hook: str,
        transition: str,
        seconds: int,
        result: str,
        *,
        retain: bool,
    ) -> None:
        """Create a lifecycle hook of the group. `result` is what AWS does after the timeout of the hook.

        With `retain`, Pulumi does not delete the hook: AWS deletes the hook together with the group.
        """
        autoscaling.LifecycleHook(
            f"{name}-{hook}",
            name=hook,
            autoscaling_group_name=group.name,
            lifecycle_transition=f"autoscaling:EC2_INSTANCE_{transition}",
            heartbeat_timeout=seconds,
            default_result=result,
            opts=ResourceOptions(parent=self, retain_on_delete=retain),
        )
