"""Tests of the speed of etcd's disk: the percentile in its metrics, and the warning about a slow disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation.operations.fsync_facts import SLOW_SECONDS, fsync_text, parse_fsync
from automation.operations.health import Problem, find_problems
from tests.unit.automation.operations.test_health import ETCD, TOPOLOGY, healthy_cluster_except


def histogram(**counts: int) -> list[str]:
    """Return the lines of etcd's metrics for cumulative counts by bound in milliseconds."""
    name = "etcd_disk_wal_fsync_duration_seconds_bucket"
    bounds = {key: int(key.removeprefix("ms")) / 1000 for key in counts if key != "inf"}
    lines = [f'{name}{{le="{bound:g}"}} {counts[key]}' for key, bound in bounds.items()]
    return [*lines, f'{name}{{le="+Inf"}} {counts["inf"]}']


@pytest.mark.parametrize(
    ("counts", "milliseconds"),
    [
        ({"ms1": 990, "ms2": 1000, "inf": 1000}, 1.0),
        ({"ms1": 0, "ms2": 0, "ms4": 1000, "ms8": 1000, "inf": 1000}, 3.98),
        ({"ms1": 900, "ms2": 980, "ms4": 1000, "inf": 1000}, 3.0),
        ({"ms4": 0, "ms8": 100, "ms16": 1000, "inf": 1000}, 15.911),
        ({"ms1": 900, "ms8192": 900, "inf": 1000}, 8192.0),
    ],
)
def test_percentile_is_interpolated_in_its_bucket(counts: dict[str, int], milliseconds: float) -> None:
    found = parse_fsync(histogram(**counts))
    assert found is not None
    assert found * 1000 == pytest.approx(milliseconds, rel=1e-3)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["error: connection refused"],
        histogram(ms1=10, inf=199),
        ['etcd_disk_backend_commit_duration_seconds_bucket{le="+Inf"} 5000'],
    ],
)
def test_too_few_fsyncs_have_no_percentile(lines: list[str]) -> None:
    assert parse_fsync(lines) is None
    assert fsync_text(None) == ""


def problems(fsync: float | None) -> list[Problem]:
    return find_problems(TOPOLOGY, healthy_cluster_except("e-1", etcd=replace(ETCD, fsync=fsync)))


def test_slow_disk_is_a_warning() -> None:
    assert problems(None) == problems(SLOW_SECONDS) == []
    [problem] = problems(0.0231)
    assert (problem.subject, problem.serious) == ("e-1", False)
    assert "99% of its fsyncs take up to 23.1 ms, and etcd recommends at most 10.0 ms" in problem.message
