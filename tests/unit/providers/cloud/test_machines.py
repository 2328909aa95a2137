"""Tests of the vCPUs and prices of the machines of a cluster."""

from __future__ import annotations

import pytest

from providers.azure import prices as azure_prices
from providers.cloud.machines import member_vcpus, parse_gib, requested_types
from providers.cloud.prices import EstimateLine, purchased_machines, total_hourly
from tests.unit.components.graph import Json
from tests.unit.providers.aws import program as aws
from tests.unit.providers.azure import program as azure
from tests.unit.providers.program import ROOT


def with_dedicated_etcd(cluster: Json) -> None:
    cluster["etcd"] = {"hosts": ["e-1", "e-2", "e-3"], "machine": {"type": "m5.xlarge", "data_disk": "10Gi"}}


def test_separate_etcd_machines_count_and_stacked_ones_count_once() -> None:
    stacked, _, _ = aws.example_settings()
    dedicated, _, _ = aws.example_settings(with_dedicated_etcd)
    vcpus = {"t3.large": 2, "m5.xlarge": 4}
    assert member_vcpus(stacked, vcpus.get) == 3 * 2
    assert member_vcpus(dedicated, vcpus.get) == 3 * 2 + 3 * 4
    # A type that does not follow the naming rule counts as 0 vCPUs.
    assert member_vcpus(dedicated, {"t3.large": 2}.get) == 3 * 2
    assert ("etcd.machine.type", "m5.xlarge") in list(requested_types(dedicated))
    assert [(machines.count, machines.volumes) for machines in purchased_machines(dedicated)][:2] == [
        (3, (40, 20)),
        (3, (40, 10)),
    ]


def test_sizes_are_rounded_up() -> None:
    assert [parse_gib(size) for size in ("1Gi", "1500M", "1025Mi")] == [1, 2, 2]


def test_unknown_price_has_no_total() -> None:
    assert total_hourly([EstimateLine(1, "a", 1.0), EstimateLine(2, "b", 0.5)]) == 1.5
    assert total_hourly([EstimateLine(1, "a", 1.0), EstimateLine(2, "b", None)]) is None


def test_the_azure_example_has_the_documented_price() -> None:
    settings, cloud, _ = azure.example_settings()
    lines = {line.item: line for line in azure_prices.estimate_lines(settings, cloud)}
    assert {item: line.count for item, line in lines.items() if "premium" in item} == {
        "premium disk of 32 GiB": 3,
        "premium disk of 64 GiB": 3,
        "premium disk of 128 GiB": 3,
    }
    hourly = total_hourly(lines.values())
    assert hourly == pytest.approx(1.27, abs=0.005)
    assert f"**{hourly:.2f}**" in (ROOT / "docs/azure.md").read_text()
