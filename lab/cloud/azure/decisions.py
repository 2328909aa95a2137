"""Decisions about the instances of a scale set: its capacity, and rolling upgrades that create new instances
first.

https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-maxsurge
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lab.cloud.azure.resources import Resource, Upgrade
from lab.cloud.azure.scale_set_api import RUNNING, capacity_of, instance_number, model_digest
from lab.cloud.running import RunningMachine

COMPLETED, FAULTED = "Completed", "Faulted"
_FAULT_SECONDS = 1800.0
"""The time in which the new instances of a batch must become healthy: the grace period of the health
extension.
"""
_PAUSE_SECONDS = 5.0
"""The pause between two batches, whatever the policy says: a longer pause only makes tests slower."""


@dataclass(frozen=True, slots=True)
class SetStep:
    """The next step of a scale set: how many instances to launch, which to end, and its rolling upgrade."""

    launch: int
    terminate: tuple[RunningMachine, ...]
    upgrade: Upgrade | None


def set_step(
    resource: Resource,
    instances: Sequence[RunningMachine],
    is_healthy: Callable[[RunningMachine], bool],
    now: float,
) -> SetStep:
    """Return the next step of a scale set. `now` is the Unix time."""
    live = [instance for instance in instances if instance.lifecycle == "InService"]
    desired, upgrade, model = capacity_of(resource), resource.upgrade, model_digest(resource)
    if upgrade is None or upgrade.status != RUNNING:
        return _keep_capacity(live, desired, upgrade)
    old = [instance for instance in live if instance.version != model]
    new = [instance for instance in live if instance.version == model]
    healthy = sum(is_healthy(instance) for instance in new)
    upgrade = replace(upgrade, successful=healthy, pending=len(old))
    if not old:
        return _keep_capacity(
            live, desired, replace(upgrade, status=COMPLETED) if healthy == desired else upgrade
        )
    batch = min(len(old), max(1, desired * _batch_percent(resource) // 100))
    if len(live) < desired + batch:
        if now < upgrade.paused_until:
            return SetStep(0, (), upgrade)
        return SetStep(desired + batch - len(live), (), replace(upgrade, batch_start=now))
    if healthy < len(new):
        return SetStep(0, (), _faulted(upgrade) if now - upgrade.batch_start > _FAULT_SECONDS else upgrade)
    return SetStep(0, tuple(old[:batch]), replace(upgrade, paused_until=now + _PAUSE_SECONDS))


def _faulted(upgrade: Upgrade) -> Upgrade:
    reason = "New instances did not become healthy in time, so the upgrade changes no further instances."
    return replace(upgrade, status=FAULTED, reason=reason)


def _keep_capacity(live: Sequence[RunningMachine], desired: int, upgrade: Upgrade | None) -> SetStep:
    """Launch missing instances, or end the newest instances that are too many."""
    newest_first = sorted(live, key=instance_number, reverse=True)
    return SetStep(max(0, desired - len(live)), tuple(newest_first[: max(0, len(live) - desired)]), upgrade)


def _batch_percent(resource: Resource) -> int:
    policy = resource.properties.get("upgradePolicy", {}).get("rollingUpgradePolicy") or {}
    return int(policy.get("maxBatchInstancePercent", 20))
