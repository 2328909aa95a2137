"""Rules about volumes in a Ceph cluster [H3]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from topology.storage_drivers import MESSENGER_V2_PORT

_SECTION = "storage.ceph"


@rule(needs_valid=(_SECTION,))
def ceph_has_a_driver(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a driver, without which a Ceph cluster has no effect."""
    ceph = rule_input.settings.storage.ceph
    if ceph and ceph.rbd is None and ceph.cephfs is None:
        yield Problem(_SECTION, "", "has neither rbd nor cephfs; add one, or remove the section")


@rule(needs_valid=(_SECTION,))
def monitors_are_different(rule_input: RuleInput) -> Iterator[Problem]:
    """Require that each monitor is named once, and that all speak the same protocol."""
    ceph = rule_input.settings.storage.ceph
    if ceph is None:
        return
    second = [monitor.endswith(f":{MESSENGER_V2_PORT}") for monitor in ceph.monitors]
    for position, monitor in enumerate(ceph.monitors):
        path = f"{_SECTION}.monitors[{position}]"
        if monitor in ceph.monitors[:position]:
            yield Problem(path, f'"{monitor}"', "named twice; remove one")
        elif second[position] != second[0]:
            yield Problem(
                path,
                f'"{monitor}"',
                f"port {MESSENGER_V2_PORT} has another protocol than other ports, and a node uses only one; "
                f"use {MESSENGER_V2_PORT} for all monitors, or for none",
            )


@rule(needs_valid=(_SECTION,))
def data_pool_is_another_pool(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse one pool for both: metadata of block devices cannot be in an erasure-coded pool."""
    ceph = rule_input.settings.storage.ceph
    if ceph and ceph.rbd and ceph.rbd.data_pool == ceph.rbd.pool:
        yield Problem(
            f"{_SECTION}.rbd.data_pool",
            f'"{ceph.rbd.pool}"',
            "is the pool of the metadata too; remove it, or name the erasure-coded pool",
        )
