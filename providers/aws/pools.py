"""Any number of workers: a template, an Auto Scaling group over the zones, and its hooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, CustomTimeouts, Input, Output, Resource, ResourceOptions
from pulumi_aws import autoscaling, ec2

from providers.aws.machine import JOINING, LEAVING, MachineArgs, group_tags, heartbeat, template
from topology.model import Capacity, Pool

_JOIN_SECONDS = 1800
"""A new node that is not healthy by then is taken away again, and the refresh with it fails."""
_NEVER = "0"


def healthy_percentage(capacity: Capacity, max_unavailable: int) -> int:
    """How much of a group stays in service while it is refreshed, in percent of what it has.

    AWS counts in percent of a size that the autoscaler changes: reckoned from the largest, so that no
    more than `max_unavailable` are ever away. (It rounds so that one machine at a time always may go.)
    """
    return max(0, 100 - 100 * max_unavailable // capacity.max_size)


def autoscaler_tags(cluster: str, pool: Pool) -> dict[str, str]:
    """What the cluster autoscaler reads of a group: that it is its, and what a node would be like.

    It needs the latter of a group that has no node (`cloudprovider/aws/README.md`, scaling from 0).
    """
    template_key = "k8s.io/cluster-autoscaler/node-template"
    tags = {"k8s.io/cluster-autoscaler/enabled": "true", f"k8s.io/cluster-autoscaler/{cluster}": "owned"}
    tags |= {f"{template_key}/label/{key}": value for key, value in pool.labels}
    tags |= {f"{template_key}/taint/{taint.key}": f"{taint.value}:{taint.effect}" for taint in pool.taints}
    return tags


@dataclass(frozen=True, kw_only=True)
class PoolArgs:
    """A pool with a capacity. `machine` is its template's arguments.

    `autoscaled`: its size between the bounds is the autoscaler's; without it the pool has its least size.
    """

    pool: Pool
    capacity: Capacity
    machine: MachineArgs
    subnets: Sequence[Input[str]]
    drain_seconds: int
    autoscaled: bool


class WorkerPool(ComponentResource):
    """The group of a pool: its name, and the version of its template. Four resources, whatever its size.

    It is made, and changed, after all that is `ready`.
    """

    group: Output[str]
    version: Output[str]

    def __init__(
        self,
        name: str,
        args: PoolArgs,
        *,
        ready: Sequence[Resource] = (),
        opts: ResourceOptions | None = None,
    ) -> None:
        super().__init__("kubewright:aws:Pool", name, None, opts)
        self._name, self._args = name, args
        self._child = ResourceOptions(parent=self)
        described = template(f"{name}-template", args.machine, self._child)
        self.version = described.latest_version.apply(str)
        made = self._group(described, ready)
        self._hook(made, LEAVING, "TERMINATING", heartbeat(args.drain_seconds), "CONTINUE", stays=True)
        self._hook(made, JOINING, "LAUNCHING", _JOIN_SECONDS, "ABANDON", stays=False)
        self.group = made.name
        self.register_outputs({"group": self.group})

    def _group(self, described: ec2.LaunchTemplate, ready: Sequence[Resource]) -> autoscaling.Group:
        args, names = self._args, self._args.machine.names
        tags = names.tagged(args.machine.part, {**args.machine.tags, names.kubernetes_tag: "owned"})
        if args.autoscaled:
            tags |= autoscaler_tags(names.cluster, args.pool)
        return autoscaling.Group(
            f"{self._name}-group",
            name=names.name(args.machine.part),
            vpc_zone_identifiers=list(args.subnets),
            min_size=args.capacity.min_size,
            # No desired size: it is the autoscaler's (an ignored change would send the state's back).
            max_size=args.capacity.max_size if args.autoscaled else args.capacity.min_size,
            mixed_instances_policy=self._mixed(described),
            # Spot machines that are about to be taken back are replaced before that.
            capacity_rebalance=args.capacity.spot,
            health_check_type="EC2",
            health_check_grace_period=300,
            default_instance_warmup=0,
            instance_refresh=self._refresh(),
            # Moving machines between zones for balance would drain nodes for nothing.
            suspended_processes=["AZRebalance"],
            ignore_failed_scaling_activities=True,
            wait_for_capacity_timeout=_NEVER,
            tags=group_tags(tags),
            opts=ResourceOptions(
                parent=self,
                delete_before_replace=True,
                # Its machines are drained, all at once, before it is gone.
                custom_timeouts=CustomTimeouts(delete=f"{40 + heartbeat(args.drain_seconds) // 60}m"),
                depends_on=list(ready),
            ),
        )

    def _mixed(self, described: ec2.LaunchTemplate) -> autoscaling.GroupMixedInstancesPolicyArgs:
        """One of the types, in the order given; of spot machines those least likely to be taken back."""
        spot = self._args.capacity.spot
        specification = autoscaling.GroupMixedInstancesPolicyLaunchTemplateLaunchTemplateSpecificationArgs(
            launch_template_id=described.id, version=self.version
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

    def _refresh(self) -> autoscaling.GroupInstanceRefreshArgs:
        """A new template replaces the machines. A healthy node ends its hook: only then the next one goes."""
        return autoscaling.GroupInstanceRefreshArgs(
            strategy="Rolling",
            preferences=autoscaling.GroupInstanceRefreshPreferencesArgs(
                min_healthy_percentage=healthy_percentage(
                    self._args.capacity, self._args.pool.max_unavailable
                ),
                instance_warmup="60",
                # What an interrupted refresh has replaced already stays.
                skip_matching=True,
                auto_rollback=False,
                scale_in_protected_instances="Wait",
            ),
        )

    def _hook(
        self,
        group: autoscaling.Group,
        hook: str,
        transition: str,
        seconds: int,
        result: str,
        *,
        stays: bool,
    ) -> None:
        """`stays`: not deleted before the group, whose last machines it holds; it goes with the group."""
        autoscaling.LifecycleHook(
            f"{self._name}-{hook}",
            name=hook,
            autoscaling_group_name=group.name,
            lifecycle_transition=f"autoscaling:EC2_INSTANCE_{transition}",
            heartbeat_timeout=seconds,
            default_result=result,
            opts=ResourceOptions(parent=self, retain_on_delete=stays),
        )
