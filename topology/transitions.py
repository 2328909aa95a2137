"""Refused changes of a cluster: they would lose data of etcd, or upstream does not support them."""

from __future__ import annotations

from collections.abc import Collection

_SMALLEST_REDUNDANT_CLUSTER = 3
"""The number of members from which only one member can remain: allowed numbers are 1, 3 and 5."""


def find_member_problem(old: Collection[str], new: Collection[str]) -> str:
    """Return the reason why the etcd members `old` cannot become `new` in one step; empty for a supported
    change.

    More than half of the old members must remain, because new members copy the data from them. The removal
    of two of three members is supported: no number between 1 and 3 is allowed.
    """
    kept, removed = set(old) & set(new), set(old) - set(new)
    if not old or len(kept) > len(old) // 2:
        return ""
    how = (
        "change the members in several steps, each followed by `up`, so that each step keeps more than half "
        "of the members"
    )
    if not kept:
        names = ", ".join(sorted(removed))
        return f"none of the members {names} remains, and they hold the cluster's data; {how}"
    if set(new) <= set(old) and len(old) <= _SMALLEST_REDUNDANT_CLUSTER:
        return ""
    needed = len(old) // 2 + 1
    return (
        f"only {len(kept)} of {len(old)} members would remain ({', '.join(sorted(kept))}), fewer than the "
        f"quorum of {needed}; {how}"
    )


def is_downgrade(old: str, new: str) -> bool:
    """Report whether a version has a lower minor version than the old version."""
    return _minor(new) < _minor(old)


def skips_minor_version(old: str, new: str) -> bool:
    """Report whether an upgrade skips a minor version, which upstream does not support.

    https://kubernetes.io/releases/version-skew-policy/ and https://etcd.io/docs/latest/upgrades/
    """
    (old_major, old_minor), (new_major, new_minor) = _minor(old), _minor(new)
    return (new_major, new_minor) > (old_major, old_minor + 1)


def _minor(version: str) -> tuple[int, int]:
    """Return the major and the minor version."""
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
