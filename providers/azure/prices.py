"""What a cluster on Azure costs an hour, from a dated table of pay-as-you-go prices. Pure; an estimate.

Written from published prices as they were known, not asked of Azure: check before you rely on it.

Without traffic, requests, snapshots and what runs in the cluster makes by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from providers.cloud.prices import HOURS_A_MONTH, Line, bought, line, machine_lines
from settings.azure import AzureSettings
from settings.cluster import Settings

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


def estimate(settings: Settings, azure: AzureSettings) -> tuple[Line, ...]:
    """The example's or any cluster's lines, with every pool at its least size.

    Spot machines are counted at their regular price, the most that they cost.
    """
    prices = PRICES.get(azure.location)
    machines = bought(settings)
    disks: dict[int, int] = {}
    for each in machines:
        for disk in map(_disk, each.volumes):
            disks[disk] = disks.get(disk, 0) + each.count
    gateway = int(azure.network.nat and not azure.network.id)
    lines = [
        *machine_lines(machines, prices.machines if prices else {}),
        line(gateway, "NAT gateway", prices.nat if prices else None),
        line(gateway + int(azure.endpoint.public), "public address", prices.address if prices else None),
        line(1 + int(azure.endpoint.public), "Standard Load Balancer", prices.balancer if prices else None),
    ]
    for disk, count in sorted(disks.items()):
        monthly = prices.disks.get(disk) if prices else None
        hourly = None if monthly is None else monthly / HOURS_A_MONTH
        lines.append(line(count, f"premium disk of {disk} GiB", hourly))
    return tuple(each for each in lines if each.count)


def _disk(gib: int) -> int:
    """The premium disk that a size is paid as."""
    return next((one for one in _PREMIUM_GIB if one >= gib), gib)
