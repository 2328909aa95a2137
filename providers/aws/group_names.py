"""Names of the Auto Scaling groups of pools. Imports no SDK."""

from __future__ import annotations


def group_suffix(pool: str, zone: int) -> str:
    """Return the name of the group of a pool in a zone, counted from 0, after the cluster name.

    The first group has the name of the pool, because pools once had one group.
    """
    return f"pool-{pool}{f'-zone-{zone + 1}' if zone else ''}"
