"""Tests of the environment variables of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.engine.program import Engine
from automation.environment import environment
from automation.workspace import Workspace


def variables_of_stack(directory: Path, hosts: int) -> dict[str, str]:
    cluster = {"metal": {"hosts": {f"h-{number}": {"address": "10.0.0.1"} for number in range(hosts)}}}
    workspace = Workspace(stack="a", directory=directory, config={"kubewright:cluster": cluster})
    home = {"KUBEWRIGHT_STATE": str(directory / "state"), "KUBEWRIGHT_CACHE": str(directory / "cache")}
    return Engine(environment(home), workspace).variables()


def test_engine_saves_memory_in_large_stacks_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOGC", raising=False)
    assert "GOGC" not in variables_of_stack(tmp_path, 199)
    assert variables_of_stack(tmp_path, 200)["GOGC"] == "25"
    monkeypatch.setenv("GOGC", "60")
    assert variables_of_stack(tmp_path, 200)["GOGC"] == "60"
