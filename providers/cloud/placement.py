"""A member that is there keeps its address, zone and subnet: what would move it is refused.

Clouds would move a machine by deleting it with its interface or its data volume, and etcd's members know one
another by address. The engine's hooks see what the state has, also in a preview: nothing is touched before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import Input, ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where a member is."""

    address: str
    zone: Input[str]
    subnet: Input[str]

    @property
    def inputs(self) -> Mapping[str, Input[str]]:
        """Of the component that is the member: its state remembers them."""
        return {"address": self.address, "zone": self.zone, "subnet": self.subnet}


def refuse_moves(member: str, hosts: str, cloud: str) -> ResourceHookBinding:
    """Hooks of that component. `hosts` is the setting that names the member, `cloud` that of its network."""

    def refuse(args: ResourceHookArgs) -> None:
        if moved := moves(args.old_inputs or {}, args.new_inputs or {}):
            raise RuntimeError(
                f"{hosts}: {member} would move ({moved}), and a member that is there keeps its place; put "
                f"the names, {cloud}.zones and {cloud}.network back as they were, or give the one that moves "
                "a new name: it is then a new member, and the old one leaves"
            )

    options = ResourceHookOptions(on_dry_run=True)
    return ResourceHookBinding(before_update=[ResourceHook(f"{member}-stays", refuse, options)])


def moves(old: Mapping[str, object], new: Mapping[str, object]) -> str:
    """What of a member's place changes; empty for nothing. What is not known yet is not judged."""
    changes = []
    for key in ("address", "zone", "subnet"):
        before, after = old.get(key), new.get(key)
        if isinstance(before, str) and isinstance(after, str) and before != after:
            changes.append(f"{key} {before} -> {after}")
    return ", ".join(changes)
