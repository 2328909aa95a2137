"""Decisions of Auto Scaling: how many machines a group launches, and which machines it terminates.

https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from lab.cloud.aws.scaling_groups import Refresh, ScalingGroup
from lab.cloud.running import RunningMachine

_PREFERENCES_DEFAULT_PERCENTAGE = 90


@dataclass(frozen=True, slots=True)
class RefreshStep:
    """The next step of an instance refresh: the machines to terminate now, and the refresh afterwards."""

    terminate: Sequence[RunningMachine]
    refresh: Refresh


def missing_machines(group: ScalingGroup, machines: Sequence[RunningMachine]) -> int:
    """Return the number of machines to launch. A terminating machine does not count."""
    return max(0, group.desired - len(_kept(group, machines)))


def surplus_machines(group: ScalingGroup, machines: Sequence[RunningMachine]) -> list[RunningMachine]:
    """Return the machines to terminate because the group wants fewer.

    Machines with another version of the template come first, as in AWS's default termination policy.
    """
    kept = _kept(group, machines)
    count = max(0, len(kept) - group.desired)
    return sorted(kept, key=lambda machine: machine.version == group.template[1])[:count]


def refresh_step(group: ScalingGroup, refresh: Refresh, machines: Sequence[RunningMachine]) -> RefreshStep:
    """Return the next step of an instance refresh.

    A machine counts as healthy when it is in service, that is after its launch hook. The warm-up of machines
    is not emulated. One machine can always be replaced.
    """
    living = _living(machines)
    healthy = [machine for machine in living if not machine.hook]
    outdated = [machine for machine in healthy if machine.version != group.template[1]]
    if not outdated and len(healthy) >= group.desired:
        return RefreshStep([], replace(refresh, status="Successful"))
    percentage = refresh.preferences.get("MinHealthyPercentage", _PREFERENCES_DEFAULT_PERCENTAGE)
    allowed = max(1, group.desired - math.ceil(group.desired * percentage / 100))
    free = allowed - (group.desired - len(healthy))
    return RefreshStep(outdated[: max(0, free)], replace(refresh, status="InProgress"))


def _living(machines: Sequence[RunningMachine]) -> list[RunningMachine]:
    return [machine for machine in machines if machine.lifecycle == "InService"]


def _kept(group: ScalingGroup, machines: Sequence[RunningMachine]) -> list[RunningMachine]:
    """Return the machines that count for the size of a group.

    A group with capacity rebalancing replaces a spot machine before EC2 reclaims it
    (docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-capacity-rebalancing.html).
    """
    rebalances = bool(group.parameters.get("CapacityRebalance"))
    return [machine for machine in _living(machines) if not (rebalances and machine.spot_action)]
