"""The parts of a pool in each zone.

Each zone has its own machine group: the autoscaler assumes that all nodes of a group are alike, and a pod
with a volume must get a node in the zone of its volume.
"""

from __future__ import annotations

from dataclasses import dataclass

from topology.model import Capacity


@dataclass(frozen=True, slots=True)
class ZonePart:
    """The part of a pool in one zone: the number of the zone from 0, and minimum and maximum size of the
    part.
    """

    zone: int
    min_size: int
    max_size: int


def zone_parts(capacity: Capacity, zones: int) -> tuple[ZonePart, ...]:
    """Return the parts of a pool in `zones` zones: the first zones get the remainder, empty parts are
    omitted.
    """

    def share(whole: int, zone: int) -> int:
        return whole // zones + (1 if zone < whole % zones else 0)

    shares = (
        ZonePart(zone, share(capacity.min_size, zone), share(capacity.max_size, zone))
        for zone in range(zones)
    )
    return tuple(part for part in shares if part.max_size > 0)
