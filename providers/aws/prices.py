"""What a cluster on AWS costs an hour, from a dated table of on-demand prices. Pure; an estimate.

The table was written from published prices as they were known in 2026, not asked of AWS: check before
you rely on it. It leaves out traffic, requests, snapshots, logs, and what the cluster makes by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from providers.cloud.prices import HOURS_A_MONTH, Line, bought, line, machine_lines
from settings.aws import AwsSettings
from settings.cluster import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """US dollars an hour; `gp3` for a GiB and month. `machines` by instance type (Linux, on demand).

    None: not known.
    """

    as_of: date | None
    machines: Mapping[str, float]
    nat: float | None
    address: float | None
    balancer: float | None
    gp3: float | None


_UNKNOWN = Prices(as_of=None, machines={}, nat=None, address=None, balancer=None, gp3=None)
KEY_A_MONTH, ZONE_A_MONTH = 1.0, 0.5
"""A KMS key and a hosted zone, in every region."""

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
        balancer=0.0225,
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
        balancer=0.027,
        gp3=0.0952,
    ),
}


def estimate(settings: Settings, aws: AwsSettings) -> tuple[Line, ...]:
    """The example's or any cluster's lines, with every pool at its least size.

    Spot machines are counted at their on-demand price, the most that they cost.
    """
    prices = PRICES.get(aws.region, _UNKNOWN)
    machines = bought(settings)
    gib = sum(each.count * sum(each.volumes) for each in machines)
    gateways = 0 if aws.network.vpc else aws.zone_count if aws.network.nat == "per-zone" else 1
    balancer_addresses = aws.zone_count if aws.endpoint.public else 0
    lines = [
        *machine_lines(machines, prices.machines),
        line(gateways, "NAT gateway", prices.nat),
        line(gateways + balancer_addresses, "public address", prices.address),
        line(1, "Network Load Balancer", prices.balancer),
        line(gib, "GiB of gp3 volume", None if prices.gp3 is None else prices.gp3 / HOURS_A_MONTH),
        line(1, "KMS key", KEY_A_MONTH / HOURS_A_MONTH),
        line(1, "hosted zone", ZONE_A_MONTH / HOURS_A_MONTH),
    ]
    return tuple(each for each in lines if each.count)
