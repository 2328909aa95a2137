"""Tests of the commands `plan ports` and `plan capacity`."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.cli.app import run
from automation.environment import CHECKOUT


def test_ports_prints_the_ports_and_networks_of_a_stack(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "ports", str(CHECKOUT / "Pulumi.dev.yaml")]) == 0
    output = capsys.readouterr().out
    assert "Kubernetes API" in output
    assert "10.244.0.0/16" in output


def test_missing_stack_file_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "ports", "absent.yaml"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "cannot be read" in error


def test_capacity_prints_the_requested_resources(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(
        "worker: {cpu: 4, memory: 8Gi}\napplications:\n  web: {replicas: 20, cpu: 500m, memory: 1Gi}\n"
    )
    assert run(["plan", "capacity", str(file)]) == 0
    assert "24Gi" in capsys.readouterr().out


def test_capacity_names_a_missing_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("worker: {cpu: 4}\napplications: {}\n")
    assert run(["plan", "capacity", str(file)]) == 1
    assert "worker.memory" in capsys.readouterr().err
