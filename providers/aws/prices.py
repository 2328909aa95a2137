"""The estimated hourly price of a cluster on AWS, from a dated table of on-demand prices. Imports no SDK.

The table has published prices of 2026, which were not read from AWS: check them before you rely on them. The
estimate omits traffic, requests, snapshots, logs, and resources that add-ons create in the account, such as
load balancers of Services.
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
from settings.aws import AwsSettings
from settings.cluster import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices of one region in US dollars an hour; `gp3` is per GiB and month.

    `machines` are prices by instance type (Linux, on demand). None means an unknown price.
    """

    as_of: date | None
    machines: Mapping[str, float]
    nat: float | None
    address: float | None
    load_balancer: float | None
    gp3: float | None


_UNKNOWN = Prices(as_of=None, machines={}, nat=None, address=None, load_balancer=None, gp3=None)
KEY_PER_MONTH, ZONE_PER_MONTH = 1.0, 0.5
"""US dollars a month for a KMS key and for a hosted zone, in every region."""

PRICES: Mapping[str, Prices] = {
    "us-east-1": Prices(
        as_of=date(2026, 1, 1),
        machines={
            "t3.medium": 0.0416,
            "t3.large": 0.0832,
            "t3.xlarge": 0.1664,
            "m5.large": 0.096,
            "m5.xlarge": 0.192,
            "m6i.large": 0.096,
            "m6i.xlarge": 0.192,
            "m6i.2xlarge": 0.384,
            "c6i.xlarge": 0.17,
            "c6i.2xlarge": 0.34,
            "r6i.2xlarge": 0.504,
        },
        nat=0.045,
        address=0.005,
        load_balancer=0.0225,
        gp3=0.08,
    ),
    "eu-central-1": Prices(
        as_of=date(2026, 1, 1),
        machines={
            "t3.medium": 0.048,
            "t3.large": 0.096,
            "t3.xlarge": 0.192,
            "m5.large": 0.115,
            "m5.xlarge": 0.23,
            "m6i.large": 0.115,
            "m6i.xlarge": 0.23,
            "m6i.2xlarge": 0.46,
            "c6i.xlarge": 0.194,
            "c6i.2xlarge": 0.388,
            "r6i.2xlarge": 0.608,
        },
        nat=0.052,
        address=0.005,
        load_balancer=0.027,
        gp3=0.0952,
    ),
}


def estimate_lines(settings: Settings, aws: AwsSettings) -> tuple[EstimateLine, ...]:
    """Return the lines of the price estimate, with every pool at its minimum size.

    Spot machines count with their on-demand price, which is their maximum price.
    """
    prices = PRICES.get(aws.region, _UNKNOWN)
    machines = purchased_machines(settings)
    gib = sum(machine.count * sum(machine.volumes) for machine in machines)
    gateways = 0 if aws.network.vpc else aws.zone_count if aws.network.nat == "per-zone" else 1
    endpoint_addresses = aws.zone_count if aws.endpoint.public else 0
    lines = [
        *machine_lines(machines, prices.machines),
        price_line(gateways, "NAT gateway", prices.nat),
        price_line(gateways + endpoint_addresses, "public address", prices.address),
        price_line(1 + int(aws.endpoint.public), "Network Load Balancer", prices.load_balancer),
        price_line(gib, "GiB of gp3 volume", None if prices.gp3 is None else prices.gp3 / HOURS_PER_MONTH),
        price_line(1, "KMS key", KEY_PER_MONTH / HOURS_PER_MONTH),
        price_line(1, "hosted zone", ZONE_PER_MONTH / HOURS_PER_MONTH),
    ]
    return tuple(line for line in lines if line.count)
