"""Price estimates of clusters in clouds: the lines of an estimate, and the machines that it counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from providers.cloud.machines import member_machines, parse_gib, pool_machines
from settings.cluster import Settings

HOURS_PER_MONTH = 730


@dataclass(frozen=True, slots=True)
class EstimateLine:
    """One line of a price estimate: a number of items and US dollars an hour for all of them.

    `hourly` is None where the price table has no price.
    """

    count: int
    item: str
    hourly: float | None


def price_line(count: int, item: str, price: float | None) -> EstimateLine:
    """Return the line for `count` items. `price` is US dollars an hour for one item; None if unknown."""
    return EstimateLine(count, item, None if price is None else count * price)


def total_hourly(lines: Iterable[EstimateLine]) -> float | None:
    """Return US dollars an hour for all lines of an estimate; None if a line has no price."""
    prices = [line.hourly for line in lines]
    known_prices = [price for price in prices if price is not None]
    return sum(known_prices) if len(known_prices) == len(prices) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class IdenticalMachines:
    """A number of identical machines: their type, and the sizes of their volumes in whole GiB."""

    count: int
    type: str
    volumes: tuple[int, ...]


def purchased_machines(settings: Settings) -> list[IdenticalMachines]:
    """Return all machines of the settings, with every pool at its minimum size and first machine type."""
    members = [
        IdenticalMachines(
            count=len(hosts),
            type=machine.type,
            volumes=(parse_gib(machine.disk), parse_gib(machine.data_disk)),
        )
        for hosts, machine in member_machines(settings)
    ]
    nodes = [
        IdenticalMachines(count=size.min, type=machine.types[0], volumes=(parse_gib(machine.disk),))
        for size, machine in pool_machines(settings)
    ]
    return [*members, *nodes]


def machine_lines(machines: Iterable[IdenticalMachines], prices: Mapping[str, float]) -> list[EstimateLine]:
    """Return one line of the estimate for each machine type. `prices` are US dollars an hour by type."""
    counts: dict[str, int] = {}
    for machine in machines:
        counts[machine.type] = counts.get(machine.type, 0) + machine.count
    return [
        price_line(count, machine_type, prices.get(machine_type)) for machine_type, count in counts.items()
    ]
