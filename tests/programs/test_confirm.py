"""Tests that commands which remove or overwrite a cluster ask for a confirmation on a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from automation.environment import CHECKOUT
from testkit.terminal import answer_on_terminal


@pytest.fixture(autouse=True)
def directories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Set the directories of state and cache to empty directories."""
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("KUBEWRIGHT_CACHE", str(tmp_path / "cache"))


def run_on_a_terminal(reply: bytes, *arguments: str) -> tuple[int, str]:
    """Run a command on a terminal and reply to its question. Return the exit code and the output.

    By default the command is `down` of a stack without a stack file.
    """
    argv = [sys.executable, "-m", "automation", *(arguments or ("down", "--stack", "absent"))]
    result = answer_on_terminal(argv, reply, cwd=CHECKOUT)
    return result.code, result.text


def test_no_on_a_terminal_changes_nothing() -> None:
    code, output = run_on_a_terminal(b"n\n")
    assert code == 1
    assert "The cluster of stack absent will be deleted. Continue? [y/N]" in output
    assert "not confirmed; nothing was changed" in output


def test_yes_on_a_terminal_runs_the_command() -> None:
    code, output = run_on_a_terminal(b"y\n")
    assert code == 1
    assert "nothing was changed" not in output
    assert "Pulumi.absent.yaml" in output


def test_interrupt_on_a_terminal_changes_nothing() -> None:
    code, output = run_on_a_terminal(b"\x04")
    assert code == 1
    assert "kubewright: aborted" in output


@pytest.mark.parametrize("confirmed", [False, True])
def test_restore_on_a_terminal_begins_only_after_yes(tmp_path: Path, confirmed: bool) -> None:
    """The snapshot does not exist, which is the first check after the confirmation."""
    snapshot = tmp_path / "etcd.db"
    arguments = ("restore", "--stack", "dev", "--snapshot", str(snapshot))
    code, output = run_on_a_terminal(b"y\n" if confirmed else b"n\n", *arguments)
    assert code == 1
    assert "Everything written to stack dev since etcd.db will be lost. Continue? [y/N]" in output
    assert ("not confirmed; nothing was changed" in output) is not confirmed
    assert (f"{snapshot}: no such snapshot" in output) is confirmed
