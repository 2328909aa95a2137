"""What a cluster on AWS costs an hour, from a dated table of on-demand prices. Pure; an estimate.

The table was written from published prices as they were known in 2026, not asked of AWS: check before
you rely on it. It leaves out traffic, requests, snapshots, logs, and what the cluster makes by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from settings import quantity
from settings.aws import AwsSettings
from settings.cluster import Settings

HOURS_A_MONTH = 730
_GIB = 1024**3


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


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the estimate: how many of what, and dollars an hour for all of them.

    `hourly` is None where the table has no price.
    """

    count: int
    what: str
    hourly: float | None


def estimate(settings: Settings, aws: AwsSettings) -> tuple[Line, ...]:
    """The example's or any cluster's lines, with every pool at its least size.

    Spot machines are counted at their on-demand price, the most that they cost.
    """
    prices = PRICES.get(aws.region, _UNKNOWN)
    machines: dict[str, int] = {}
    gib = 0
    for count, machine_type, disk in _machines(settings):
        machines[machine_type] = machines.get(machine_type, 0) + count
        gib += count * disk
    lines = [_line(count, kind, prices.machines.get(kind)) for kind, count in machines.items()]
    gateways = 0 if aws.network.vpc else aws.zone_count if aws.network.nat == "per-zone" else 1
    balancer_addresses = aws.zone_count if aws.endpoint.public else 0
    lines += [
        _line(gateways, "NAT gateway", prices.nat),
        _line(gateways + balancer_addresses, "public address", prices.address),
        _line(1, "Network Load Balancer", prices.balancer),
        _line(gib, "GiB of gp3 volume", None if prices.gp3 is None else prices.gp3 / HOURS_A_MONTH),
        _line(1, "KMS key", KEY_A_MONTH / HOURS_A_MONTH),
        _line(1, "hosted zone", ZONE_A_MONTH / HOURS_A_MONTH),
    ]
    return tuple(line for line in lines if line.count)


def total(lines: Iterable[Line]) -> float | None:
    """Dollars an hour for all lines; None where one has no price."""
    prices = [line.hourly for line in lines]
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None


def _machines(settings: Settings) -> Iterable[tuple[int, str, int]]:
    """How many, of which type, with how many GiB of volumes each."""
    own = [host for host in settings.etcd.hosts if host not in settings.control_planes.hosts]
    sections = ((settings.control_planes.hosts, settings.control_planes), (own, settings.etcd))
    for hosts, section in sections:
        if section.machine is not None and hosts:
            yield (
                len(hosts),
                section.machine.type,
                _gib(section.machine.disk) + _gib(section.machine.data_disk),
            )
    for pool in settings.pools.values():
        if pool.machine is not None and pool.size is not None:
            yield pool.size.min, pool.machine.types[0], _gib(pool.machine.disk)


def _gib(size: str) -> int:
    return -(-quantity.whole(size) // _GIB)


def _line(count: int, what: str, price: float | None) -> Line:
    return Line(count, what, None if price is None else count * price)
