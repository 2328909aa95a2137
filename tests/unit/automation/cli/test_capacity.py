"""Tests of the command `capacity`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from automation.cli.app import run
from tests.unit.settings.support import TWO_WORKERS, with_edits
from tests.unit.settings.wrong_clouds import AWS

CAPACITY: dict[str, Any] = {
    "applications": {"web": {"replicas": 10, "cpu": 1, "memory": "2Gi"}},
    "overhead_percent": 0,
    "candidates": {
        "date": "2026-11-01",
        "currency": "EUR",
        "per": "month",
        "machines": {
            "large": {"cpu": 32, "memory": "128Gi", "price": 700.1},
            "small": {"cpu": 8, "memory": "32Gi", "price": 200},
            "unpriced": {"cpu": 8, "memory": "32Gi"},
            "tiny": {"cpu": 1, "memory": "2Gi", "price": 9},
        },
    },
}
HOSTS: dict[str, Any] = {
    f"metal.hosts.w-{number}": {"address": f"10.89.0.2{number}", "cpus": 8, "memory": "32Gi"}
    for number in (1, 2)
}


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def stack_file(directory: Path, base: dict[str, Any], edits: dict[str, Any]) -> str:
    file = directory / "Pulumi.plan.yaml"
    file.write_text(yaml.safe_dump({"config": {"kubewright:cluster": with_edits(base, edits)}}))
    return str(file)


def rows(output: str) -> list[list[str]]:
    """Return the cells of all rows of the tables in an output."""
    lines = (line for line in output.splitlines() if line.startswith("│"))
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


def test_machines_are_sorted_by_the_price_of_the_pool(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = stack_file(tmp_path, TWO_WORKERS, {**HOSTS, "capacity": CAPACITY})
    assert run(["capacity", "--file", file]) == 0
    output = capsys.readouterr().out
    assert "machines for pool workers (EUR per month, prices of 2026-11-01)" in output
    assert rows(output) == [
        ["cpu", "12 cores", "15.2 cores"],
        ["memory", "24Gi", "61.02Gi"],
        ["pods", "12", "220"],
        ["containers", "12", ""],
        ["small", "7.6", "30.51Gi", "110", "2", "200", "400"],
        ["large", "31.6", "126.5Gi", "110", "1", "700.1", "700.1"],
        ["unpriced", "7.6", "30.51Gi", "110", "2", "unknown", "unknown"],
        ["tiny", "0.6", "524Mi", "110", "too small for a pod", "9", "unknown"],
    ]


def test_minimum_of_nodes_changes_the_price(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = stack_file(tmp_path, TWO_WORKERS, {**HOSTS, "capacity": CAPACITY})
    assert run(["capacity", "--file", file, "--min-nodes", "3"]) == 0
    assert ["small", "7.6", "30.51Gi", "110", "3", "200", "600"] in rows(capsys.readouterr().out)


def test_pool_that_is_too_small_fails_after_the_comparison(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capacity = CAPACITY | {"applications": {"web": {"replicas": 20, "cpu": 1, "memory": "2Gi"}}}
    file = stack_file(tmp_path, TWO_WORKERS, {**HOSTS, "capacity": capacity})
    assert run(["capacity", "--file", file]) == 1
    captured = capsys.readouterr()
    assert ["small", "7.6", "30.51Gi", "110", "4", "200", "800"] in rows(captured.out)
    assert "pools.workers.hosts: too small: the applications of workers need 24 cores (15.2" in captured.err


def test_machine_types_of_a_cloud_have_the_sizes_of_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edits = {
        "pools.general": {"size": {"min": 1, "max": 9}, "machine": {"types": ["m5.xlarge"]}},
        "capacity": {key: value for key, value in CAPACITY.items() if key != "candidates"},
    }
    file = stack_file(tmp_path, AWS, edits)
    candidates = tmp_path / "prices.yaml"
    candidates.write_text('{date: "2026-10-05", machines: {m5.large: {price: 0.1}, m5.xlarge: {price: 0.2}}}')
    assert run(["capacity", "--file", file, "--candidates", str(candidates)]) == 0
    output = capsys.readouterr().out
    assert "(USD per hour, prices of 2026-10-05)" in output
    assert [row for row in rows(output) if row[0].startswith("m5")] == [
        ["m5.xlarge", "3.6", "14.51Gi", "110", "4", "0.2", "0.8"],
        ["m5.large", "1.6", "6.512Gi", "110", "10", "0.1", "1"],
    ]
    assert run(["capacity", "--file", file]) == 0
    assert "(no prices)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("machines: {}", "prices.yaml: date: Field required"),
        ("{date: '2026-10-05', machines: {x1: {price: 1}}}", "candidate x1: neither its CPUs and memory nor"),
        ("[", "prices.yaml: while parsing"),
    ],
)
def test_wrong_candidates_are_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    file = stack_file(tmp_path, TWO_WORKERS, {**HOSTS, "capacity": CAPACITY})
    candidates = tmp_path / "prices.yaml"
    candidates.write_text(text)
    assert run(["capacity", "--file", file, "--candidates", str(candidates)]) == 1
    assert message in capsys.readouterr().err


def test_stack_without_applications_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["capacity", "--file", stack_file(tmp_path, TWO_WORKERS, {})]) == 1
    assert "has no section capacity" in capsys.readouterr().err
