"""The estimated hourly price of a cluster on Azure, from a dated table of pay-as-you-go prices. Imports no
SDK.

The table has published prices of 2026, which were not read from Azure: check them before you rely on them.
The estimate omits traffic, requests, snapshots, and resources that add-ons create in the subscription, such
as load balancers of Services.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from providers.cloud.prices import (
    HOURS_PER_MONTH,
    EstimateLine,
    machine_lines,
    price_line,
    purchased_machines,
)
from settings.azure import AzureSettings
from settings.cluster import Settings

_PREMIUM_GIB = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
"""Sizes of premium disks. A disk has the price of the next larger size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices of one region in US dollars an hour. Only `disks` are US dollars a month, by size of the disk in
    GiB.

    `machines` are prices by machine size (Linux, pay as you go).
    """

    as_of: date
    machines: Mapping[str, float]
    nat: float
    address: float
    load_balancer: float
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
        load_balancer=0.025,
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
        load_balancer=0.025,
        disks={size: round(1.12 * price, 2) for size, price in _DISKS.items()},
    ),
}


def estimate_lines(settings: Settings, azure: AzureSettings) -> tuple[EstimateLine, ...]:
    """Return the lines of the price estimate, with every pool at its minimum size.

    Spot machines count with their regular price, which is their maximum price.
    """
    prices = PRICES.get(azure.location)
    machines = purchased_machines(settings)
    disks: dict[int, int] = {}
    for machine in machines:
        for disk in map(_disk_size, machine.volumes):
            disks[disk] = disks.get(disk, 0) + machine.count
    gateway = int(azure.network.nat and not azure.network.id)
    lines = [
        *machine_lines(machines, prices.machines if prices else {}),
        price_line(gateway, "NAT gateway", prices.nat if prices else None),
        price_line(
            gateway + int(azure.endpoint.public), "public address", prices.address if prices else None
        ),
        price_line(
            1 + int(azure.endpoint.public), "Standard Load Balancer", prices.load_balancer if prices else None
        ),
    ]
    for disk, count in sorted(disks.items()):
        monthly = prices.disks.get(disk) if prices else None
        hourly = None if monthly is None else monthly / HOURS_PER_MONTH
        lines.append(price_line(count, f"premium disk of {disk} GiB", hourly))
    return tuple(line for line in lines if line.count)


def _disk_size(gib: int) -> int:
    """Return the size in GiB of the premium disk whose price applies to a disk with `gib` GiB."""
    return next((size for size in _PREMIUM_GIB if size >= gib), gib)
