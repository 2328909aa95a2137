"""Pools of workers: a launch template, an Auto Scaling group over all zones, and its lifecycle hooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, CustomTimeouts, Input, Output, Resource, ResourceOptions
from pulumi_aws import autoscaling, ec2

from providers.aws.machine import (
    LAUNCH_HOOK,
    TERMINATION_HOOK,
    MachineArgs,
    create_launch_template,
    group_tags,
    hook_timeout,
)
from topology.model import Capacity, Pool

_LAUNCH_SECONDS = 1800
"""Seconds after which AWS terminates a new node that is not healthy, and the instance refresh fails."""
_NO_WAIT = "0"


def healthy_percentage(capacity: Capacity, max_unavailable: int) -> int:
    """Return the minimum percentage of a group that stays in service during an instance refresh.

    AWS applies the percentage to the current size, which the autoscaler changes. The percentage is computed
    from the maximum size, so never more than `max_unavailable` machines are missing. AWS rounds such that one
    machine can always be replaced.
    """
    return max(0, 100 - 100 * max_unavailable // capacity.max_size)


def autoscaler_tags(cluster: str, pool: Pool) -> dict[str, str]:
    """Return the tags that the cluster autoscaler reads: ownership of the group, and labels and taints of its
    nodes.

    The autoscaler needs the labels and taints if the group has no node (`cloudprovider/aws/README.md`,
    scaling from 0).
    """
    template_key = "k8s.io/cluster-autoscaler/node-template"
    tags = {"k8s.io/cluster-autoscaler/enabled": "true", f"k8s.io/cluster-autoscaler/{cluster}": "owned"}
    tags |= {f"{template_key}/label/{key}": value for key, value in pool.labels}
    tags |= {f"{template_key}/taint/{taint.key}": f"{taint.value}:{taint.effect}" for taint in pool.taints}
    return tags


@dataclass(frozen=True, kw_only=True)
class PoolArgs:
    """Arguments of a pool. `machine` are the arguments of its launch template.

    With `autoscaled` the autoscaler chooses the size; without it the pool has its minimum size.
    """

    pool: Pool
    capacity: Capacity
    machine: MachineArgs
    subnets: Sequence[Input[str]]
    drain_seconds: int
    autoscaled: bool


class WorkerPool(ComponentResource):
    """The Auto Scaling group of a pool. A pool of any size has four resources.

    `group` is the name of the group, `version` the version of its launch template. `dependencies` are
    resources that must exist before a machine boots.
    """

    group: Output[str]
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
        group = self._create_group(template, dependencies)
        self._create_hook(
            group, TERMINATION_HOOK, "TERMINATING", hook_timeout(args.drain_seconds), "CONTINUE", retain=True
        )
        self._create_hook(group, LAUNCH_HOOK, "LAUNCHING", _LAUNCH_SECONDS, "ABANDON", retain=False)
        self.group = group.name
        self.register_outputs({"group": self.group})

    def _create_group(
        self, template: ec2.LaunchTemplate, dependencies: Sequence[Resource]
    ) -> autoscaling.Group:
        args, names = self._args, self._args.machine.names
        tags = names.resource_tags(
            args.machine.name_suffix, {**args.machine.tags, names.kubernetes_tag: "owned"}
        )
        if args.autoscaled:
            tags |= autoscaler_tags(names.cluster, args.pool)
        return autoscaling.Group(
            f"{self._name}-group",
            name=names.name(args.machine.name_suffix),
            vpc_zone_identifiers=list(args.subnets),
            min_size=args.capacity.min_size,
            # The group has no desired size, because the autoscaler sets it. An ignored change would send
            # the size of the state.
            max_size=args.capacity.max_size if args.autoscaled else args.capacity.min_size,
            mixed_instances_policy=self._mixed_instances(template),
            # AWS replaces spot machines before it reclaims them.
            capacity_rebalance=args.capacity.spot,
            health_check_type="EC2",
            health_check_grace_period=300,
            default_instance_warmup=0,
            instance_refresh=self._refresh_settings(),
            # Rebalancing between zones would drain healthy nodes.
            suspended_processes=["AZRebalance"],
            ignore_failed_scaling_activities=True,
            wait_for_capacity_timeout=_NO_WAIT,
            tags=group_tags(tags),
            opts=ResourceOptions(
                parent=self,
                delete_before_replace=True,
                # AWS drains all machines at once before it deletes the group.
                custom_timeouts=CustomTimeouts(delete=f"{40 + hook_timeout(args.drain_seconds) // 60}m"),
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

    def _refresh_settings(self) -> autoscaling.GroupInstanceRefreshArgs:
        """Return the instance refresh, by which AWS replaces machines after a change of the launch template.

        AWS replaces the next machine when the new node is healthy and has completed its launch hook.
        """
        return autoscaling.GroupInstanceRefreshArgs(
            strategy="Rolling",
            preferences=autoscaling.GroupInstanceRefreshPreferencesArgs(
                min_healthy_percentage=healthy_percentage(
                    self._args.capacity, self._args.pool.max_unavailable
                ),
                instance_warmup="60",
                # Machines that an interrupted refresh has replaced stay.
                skip_matching=True,
                auto_rollback=False,
                scale_in_protected_instances="Wait",
            ),
        )

    def _create_hook(
        self,
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
            f"{self._name}-{hook}",
            name=hook,
            autoscaling_group_name=group.name,
            lifecycle_transition=f"autoscaling:EC2_INSTANCE_{transition}",
            heartbeat_timeout=seconds,
            default_result=result,
            opts=ResourceOptions(parent=self, retain_on_delete=retain),
        )
