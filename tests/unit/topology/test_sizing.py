"""Tests of presets of machine sizes, and of quantities."""

from __future__ import annotations

from fractions import Fraction

import pytest

from assembly import build_topology
from formats.quantity import format_bytes, parse_bytes, parse_quantity
from settings import load
from tests.unit.settings.support import ONE_HOST, TWO_WORKERS, with_edits
from topology.sizing import GIB, size_warnings

SMALL = {"metal.hosts.w-1": {"address": "10.89.0.21", "cpus": 2, "memory": "3Gi"}}


def test_warning_names_the_host_with_both_sizes() -> None:
    lines = size_warnings(build_topology(load(with_edits(TWO_WORKERS, {**SMALL, "environment": "test"}))))
    assert lines == [
        "host cp-1: below the size of a control-plane for test: 21.5 GB disk of 40 GB",
        "host w-1: below the size of a node for test: 2 CPUs of 4, 3 GiB memory of 8 GiB",
    ]


def test_large_enough_and_unknown_hosts_give_no_warning() -> None:
    assert size_warnings(build_topology(load(TWO_WORKERS))) == []


def test_schedulable_control_plane_is_compared_with_the_worker_preset() -> None:
    (line,) = size_warnings(build_topology(load(with_edits(ONE_HOST, {"environment": "production"}))))
    assert line == "host only: below the size of a node for production: 2 CPUs of 8, 4 GiB memory of 64 GiB"


@pytest.mark.parametrize("environment", ["poc", "lab", "test", "production"])
def test_every_environment_has_a_preset(environment: str) -> None:
    tiny = {"metal.hosts.only.cpus": 1, "metal.hosts.only.memory": "1600Mi", "environment": environment}
    assert len(size_warnings(build_topology(load(with_edits(ONE_HOST, tiny))))) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250m", Fraction(1, 4)),
        ("4Gi", 4 * GIB),
        ("1.5", Fraction(3, 2)),
        ("2k", 2000),
        (".5", Fraction(1, 2)),
    ],
)
def test_quantities_are_parsed(text: str, value: Fraction | int) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "1gb", "-1", "1 Gi", "Gi", "1Gi\n", "٣"])
def test_invalid_quantities_are_errors(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        parse_bytes(text)


def test_bytes_are_formatted() -> None:
    assert (format_bytes(1536), format_bytes(3 * GIB), format_bytes(5)) == ("1.5Ki", "3Gi", "5")
