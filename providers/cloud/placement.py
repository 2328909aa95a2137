"""The placement of a member: its address, zone and subnet, which must not change while the member exists.

A cloud moves a machine by deleting it together with its interface or data volume, and etcd members know each
other by address. A hook of the engine compares the placement in the state with the new placement, also in
previews, and refuses a move before any resource changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import Input, ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions

from components.scope import Scope


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Address, zone and subnet of a member."""

    address: str
    zone: Input[str]
    subnet: Input[str]

    @property
    def inputs(self) -> Mapping[str, Input[str]]:
        """The placement as inputs of the member's component, so that the state contains the placement."""
        return {"address": self.address, "zone": self.zone, "subnet": self.subnet}


def refuse_moves(
    member: str, hosts_setting: str, cloud_section: str, scope: Scope | None = None
) -> ResourceHookBinding:
    """Return hooks for the member's component that fail an update of its placement.

    `hosts_setting` is the setting that lists the member, `cloud_section` the section with zones and network,
    and `scope` the scope of the name of the hook.
    """

    def refuse(args: ResourceHookArgs) -> None:
        if moved := describe_moves(args.old_inputs or {}, args.new_inputs or {}):
            raise RuntimeError(
                f"{hosts_setting}: {member} would move ({moved}), and an existing member cannot move; "
                f"restore the order of names, {cloud_section}.zones and {cloud_section}.network, or give "
                "the moved member a new name: it then joins as a new member and the old one leaves"
            )

    options = ResourceHookOptions(on_dry_run=True)
    name = (scope or Scope()).name(f"{member}-stays")
    return ResourceHookBinding(before_update=[ResourceHook(name, refuse, options)])


def describe_moves(old: Mapping[str, object], new: Mapping[str, object]) -> str:
    """Return the differences of two placements as text, empty for none. Unknown values do not count."""
    changes = []
    for key in ("address", "zone", "subnet"):
        before, after = old.get(key), new.get(key)
        if isinstance(before, str) and isinstance(after, str) and before != after:
            changes.append(f"{key} {before} -> {after}")
    return ", ".join(changes)
