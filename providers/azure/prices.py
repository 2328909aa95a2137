"""What a cluster on Azure costs an hour, from a dated table of pay-as-you-go prices. Pure; an estimate.

Written from published prices as they were known, not asked of Azure: check before you rely on it.

Without traffic, requests, snapshots and what runs in the cluster makes by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from settings import quantity
from settings.azure import AzureSettings
from settings.cluster import Settings

HOURS_A_MONTH = 730
_GIB = 1024**3
_PREMIUM_GIB = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
"""Sizes of premium disks: a disk costs what the next size does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """US dollars an hour; `disks` a month by the size in GiB. `machines` by size (Linux, pay as you go)."""

    as_of: date
    machines: Mapping[str, float]
    nat: float
    address: float
    balancer: float
    disks: Mapping[int, float]


_DISKS = {4: 0.6, 8: 1.2, 16: 2.4, 32: 5.28, 64: 10.21, 128: 19.71, 256: 38.02, 512: 73.22}
_DISKS |= {1024: 135.17, 2048: 259.05, 4096: 495.57}

PRICES: Mapping[str, Prices] = {
    "eastus": Prices(
        as_of=date(2026, 1, 1),
        machines={
            "Standard_B2ms": 0.0832,
            "Standard_D2s_v5": 0.096,
            "Standard_D4s_v5": 0.192,
            "Standard_D8s_v5": 0.384,
            "Standard_E8s_v5": 0.504,
        },
        nat=0.045,
        address=0.005,
        balancer=0.025,
        disks=_DISKS,
    ),
    "westeurope": Prices(
        as_of=date(2026, 1, 1),
        machines={
            "Standard_B2ms": 0.096,
            "Standard_D2s_v5": 0.115,
            "Standard_D4s_v5": 0.23,
            "Standard_D8s_v5": 0.46,
            "Standard_E8s_v5": 0.608,
        },
        nat=0.045,
        address=0.005,
        balancer=0.025,
        disks={size: round(1.12 * price, 2) for size, price in _DISKS.items()},
    ),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the estimate: how many of what, and dollars an hour for all of them.

    `hourly` is None where the table has no price.
    """

    count: int
    what: str
    hourly: float | None


def estimate(settings: Settings, azure: AzureSettings) -> tuple[Line, ...]:
    """The example's or any cluster's lines, with every pool at its least size.

    Spot machines are counted at their regular price, the most that they cost.
    """
    prices = PRICES.get(azure.location)
    machines: dict[str, int] = {}
    disks: dict[int, int] = {}
    for count, size, each in _machines(settings):
        machines[size] = machines.get(size, 0) + count
        for disk in each:
            disks[disk] = disks.get(disk, 0) + count
    gateway = int(azure.network.nat and not azure.network.id)
    lines = [
        _line(count, size, prices.machines.get(size) if prices else None) for size, count in machines.items()
    ]
    lines += [
        _line(gateway, "NAT gateway", prices.nat if prices else None),
        _line(gateway + int(azure.endpoint.public), "public address", prices.address if prices else None),
        _line(1 + int(azure.endpoint.public), "Standard Load Balancer", prices.balancer if prices else None),
    ]
    for disk, count in sorted(disks.items()):
        monthly = prices.disks.get(disk) if prices else None
        hourly = None if monthly is None else monthly / HOURS_A_MONTH
        lines.append(_line(count, f"premium disk of {disk} GiB", hourly))
    return tuple(line for line in lines if line.count)


def total(lines: Iterable[Line]) -> float | None:
    """Dollars an hour for all lines; None where one has no price."""
    prices = [line.hourly for line in lines]
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None


def _machines(settings: Settings) -> Iterable[tuple[int, str, tuple[int, ...]]]:
    """How many, of which size, with which premium disks each."""
    own = [host for host in settings.etcd.hosts if host not in settings.control_planes.hosts]
    sections = ((settings.control_planes.hosts, settings.control_planes), (own, settings.etcd))
    for hosts, section in sections:
        if section.machine is not None and hosts:
            disks = (_disk(section.machine.disk), _disk(section.machine.data_disk))
            yield len(hosts), section.machine.type, disks
    for pool in settings.pools.values():
        if pool.machine is not None and pool.size is not None:
            yield pool.size.min, pool.machine.types[0], (_disk(pool.machine.disk),)


def _disk(size: str) -> int:
    """The premium disk that a size is paid as."""
    gib = -(-quantity.whole(size) // _GIB)
    return next((one for one in _PREMIUM_GIB if one >= gib), gib)


def _line(count: int, what: str, price: float | None) -> Line:
    return Line(count, what, None if price is None else count * price)
