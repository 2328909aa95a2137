"""Tests that commands which remove or overwrite a cluster require a stack and a confirmation."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from automation.cli.app import run

_OPTIONS = {
    "down": [],
    "destroy": [],
    "replace": ["--host", "w-1"],
    "remove-host": ["--host", "w-9"],
    "restore": ["--snapshot", "etcd.db"],
}


@pytest.fixture(autouse=True)
def directories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set the directories of state and cache to empty directories."""
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("KUBEWRIGHT_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("command", _OPTIONS)
def test_missing_stack_is_reported_in_one_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, *_OPTIONS[command], "--yes"]) == 2
    assert capsys.readouterr().err == (
        f"kubewright {command}: missing option '--stack' / '-s'; see `kubewright {command} --help`\n"
    )


@pytest.mark.parametrize("command", _OPTIONS)
def test_missing_terminal_requires_yes(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(os.devnull).open() as devnull:
        monkeypatch.setattr(sys, "stdin", devnull)
        assert run([command, *_OPTIONS[command], "--stack", "dev"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("kubewright: --yes: required without a terminal. To be confirmed: ")
    assert error.count("\n") == 1
