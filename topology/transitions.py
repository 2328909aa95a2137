"""Rules for changes of etcd members, versions and generations: which changes are not supported."""

from __future__ import annotations

from collections.abc import Collection

from topology.rotations import Rotation

_MAX_MEMBERS_REDUCIBLE_TO_ONE = 3
"""The largest number of members that can shrink to one member in one step. Allowed numbers are 1, 3 and 5."""


def find_member_problem(old: Collection[str], new: Collection[str]) -> str:
    """Return the reason why `new` cannot replace the etcd members `old` in one step; empty if it can.

    More than half of the old members must remain, because new members copy the data from them. The removal
    of two of three members is also supported, because two members are not allowed.
    """
    kept, removed = set(old) & set(new), set(old) - set(new)
    if not old or len(kept) > len(old) // 2:
        return ""
    advice = (
        "change the members in several steps, run `up` after each step, and keep more than half of the "
        "members in each step"
    )
    if not kept:
        names = ", ".join(sorted(removed))
        return f"none of the members {names} remains, and they hold the cluster's data; {advice}"
    if set(new) <= set(old) and len(old) <= _MAX_MEMBERS_REDUCIBLE_TO_ONE:
        return ""
    needed = len(old) // 2 + 1
    return (
        f"only {len(kept)} of {len(old)} members would remain ({', '.join(sorted(kept))}), fewer than the "
        f"quorum of {needed}; {advice}"
    )


def are_compatible(old: Rotation, new: Rotation) -> bool:
    """Check whether hosts with the old rotation and hosts with the new rotation trust each other."""
    return old.signing in new.trusted and new.signing in old.trusted


def is_downgrade(old: str, new: str) -> bool:
    """Check whether `new` has a lower minor version than `old`."""
    return _minor(new) < _minor(old)


def skips_minor_version(old: str, new: str) -> bool:
    """Check whether the upgrade from `old` to `new` skips a minor version, which upstream does not support.

    https://kubernetes.io/releases/version-skew-policy/ and https://etcd.io/docs/latest/upgrades/
    """
    (old_major, old_minor), (new_major, new_minor) = _minor(old), _minor(new)
    return (new_major, new_minor) > (old_major, old_minor + 1)


def _minor(version: str) -> tuple[int, int]:
    """Return the major and the minor version."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
