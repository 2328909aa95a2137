"""What a cluster in a cloud costs an hour: lines of an estimate, and what it counts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from providers.cloud.machines import gib, members, pools
from settings.cluster import Settings

HOURS_A_MONTH = 730


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the estimate: how many of what, and dollars an hour for all of them.

    `hourly` is None where the table has no price.
    """

    count: int
    what: str
    hourly: float | None


def line(count: int, what: str, price: float | None) -> Line:
    """The line of so many things at that price each, if it is known."""
    return Line(count, what, None if price is None else count * price)


def total(lines: Iterable[Line]) -> float | None:
    """Dollars an hour for all lines; None where one has no price."""
    prices = [line.hourly for line in lines]
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """Machines that are alike: how many, of which type, with volumes of how many whole GiB each."""

    count: int
    type: str
    volumes: tuple[int, ...]


def bought(settings: Settings) -> list[Machines]:
    """All machines, with every pool at its least size and of its first type."""
    found = [
        Machines(count=len(hosts), type=machine.type, volumes=(gib(machine.disk), gib(machine.data_disk)))
        for hosts, machine in members(settings)
    ]
    found += [
        Machines(count=size.min, type=machine.types[0], volumes=(gib(machine.disk),))
        for size, machine in pools(settings)
    ]
    return found


def machine_lines(machines: Iterable[Machines], prices: Mapping[str, float]) -> list[Line]:
    """A line for each type."""
    counts: dict[str, int] = {}
    for each in machines:
        counts[each.type] = counts.get(each.type, 0) + each.count
    return [line(count, kind, prices.get(kind)) for kind, count in counts.items()]
