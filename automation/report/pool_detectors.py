"""Detectors of risks for pools: fewer nodes, and many nodes that change at the same time.

The module `automation.report.detectors` describes what a detector receives and returns.
"""

from __future__ import annotations

from collections.abc import Mapping

from automation.report.change_facts import ChangeFacts
from automation.report.model import Operation, Picture
from automation.report.resource_types import MACHINE_GROUPS, MACHINE_INPUTS
from providers import registry
from topology.model import Role


def unavailable_nodes(facts: ChangeFacts) -> list[str]:
    """Detect pools that lose more nodes at a time than `max_unavailable` permits.

    The engine deletes or replaces all these nodes at the same time, without a rolling limit.
    """
    limits, remaining = facts.max_unavailable, _nodes_by_pool(facts.after)
    return [
        f"{pool}: {len(names)} at once, max_unavailable {limits.get(pool, 1)}"
        for pool, names in _lost_nodes(facts).items()
        # The detector `removed_pools` reports a pool that is removed completely.
        if len(names) > limits.get(pool, 1) and pool in remaining
    ] + [
        f"{facts.location(step).pool}: {step.name} is lost with all its machines at once"
        for step in facts.destructive_steps()
        if step.type in MACHINE_GROUPS and facts.location(step).pool in remaining
    ]


def smaller_pools(facts: ChangeFacts) -> list[str]:
    """Detect pools with fewer hosts, and machine groups with a smaller minimum or maximum size."""
    before, after = _nodes_by_pool(facts.before), _nodes_by_pool(facts.after)
    smaller = [
        f"{pool}: {len(names)} → {len(after[pool])} nodes"
        for pool, names in before.items()
        if pool in after and len(after[pool]) < len(names)
    ]
    for step in facts.steps_with(Operation.CHANGE):
        cloud = registry.by_type(step.type)
        if cloud is not None and step.type in MACHINE_GROUPS:
            for limit, size in (("min", cloud.readers.min_size), ("max", cloud.readers.max_size)):
                old, new = size(step.old), size(step.new)
                if old is not None and new is not None and old > new:
                    smaller.append(f"{step.name}: {limit} {old} → {new} machines")
    return smaller


def removed_pools(facts: ChangeFacts) -> list[str]:
    """Detect pools that exist before the change and not after it."""
    remaining = _nodes_by_pool(facts.after)
    pools = _nodes_by_pool(facts.before)
    return [f"{pool}: {len(names)} nodes" for pool, names in pools.items() if pool not in remaining]


def changed_every_node(facts: ChangeFacts) -> list[str]:
    """Detect pools in which every node changes."""
    return [
        *(f"{pool}: {len(names)} nodes" for pool, names in _changed_pools(facts).items() if len(names) > 1),
        *(
            f"{facts.location(step).pool}: {step.name}"
            for step in facts.steps_with(Operation.CHANGE)
            if step.type in MACHINE_GROUPS
            and any(step.old.get(key) != step.new.get(key) for key in MACHINE_INPUTS)
        ),
    ]


def changed_many_nodes_at_once(facts: ChangeFacts) -> list[str]:
    """Detect pools in which every node changes, and at least half of the nodes change at a time."""
    limits = facts.max_unavailable
    return [
        f"{pool}: {limits[pool]} of {len(names)} nodes at a time"
        for pool, names in _changed_pools(facts).items()
        if len(names) > 2 and 2 * limits.get(pool, 0) >= len(names)
    ]


def _nodes_by_pool(picture: Picture) -> dict[str, list[str]]:
    pools: dict[str, list[str]] = {}
    for host in picture.hosts:
        if host.pool:
            pools.setdefault(host.pool, []).append(host.name)
    return pools


def _changed_pools(facts: ChangeFacts) -> dict[str, list[str]]:
    """Return the nodes of each pool in which every node changes."""
    locations = [facts.location(step) for step in facts.steps_with(Operation.CHANGE)]
    changed = {location.host for location in locations if location.role == Role.NODE.value}
    return {pool: names for pool, names in _nodes_by_pool(facts.before).items() if changed >= set(names)}


def _lost_nodes(facts: ChangeFacts) -> Mapping[str, list[str]]:
    """Return the deleted and replaced nodes of each pool."""
    lost: dict[str, list[str]] = {}
    for step in facts.destructive_steps():
        location = facts.location(step)
        if location.pool and location.role == Role.NODE.value and location.pool != Role.CONTROL_PLANE.value:
            lost.setdefault(location.pool, []).append(location.host)
    return lost
