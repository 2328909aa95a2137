"""Tests of `state backup` and `state restore` with the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from testkit.offline.machine import Machine
from testkit.process import CommandResult
from tests.engine.stack import OfflineStack, keep_one_machine


@pytest.fixture(scope="module")
def stack(machine: Machine) -> OfflineStack:
    """Return a deployed stack with a single machine."""
    deployed = OfflineStack.from_checkout(machine, "dev", keep_one_machine)
    deployed.up()
    return deployed


def state_command(
    stack: OfflineStack, *words: str, name: str = "", passphrase: str | None = None
) -> CommandResult:
    """Run `kubewright state` for a stack. Return its result."""
    name = name or stack.name
    file = stack.machine.write_stack_file(name, stack.config)
    variables = {"PULUMI_CONFIG_PASSPHRASE": passphrase} if passphrase is not None else None
    arguments = ("state", words[0], "--stack", name, "--file", str(file), *words[1:])
    return stack.machine.execute(arguments, check=False, variables=variables)


def engine(stack: OfflineStack, *words: str) -> str:
    """Run a command of the engine, and return its output."""
    file = stack.machine.write_stack_file(stack.name, stack.config)
    result = stack.machine.execute(("pulumi", "--stack", stack.name, "--file", str(file), "--", *words))
    return result.text


def test_lost_state_is_restored_without_changes(stack: OfflineStack, tmp_path: Path) -> None:
    """Only the one file is needed beside the stack file and the passphrase."""
    file = tmp_path / "state.json"
    saved = state_command(stack, "backup", "--to", str(file))
    assert saved.code == 0, saved.text
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]
    assert "PRIVATE KEY" not in file.read_text()
    again = state_command(stack, "backup", "--to", str(file))
    assert again.code == 1
    assert "exists; give another name" in again.text

    refused = state_command(stack, "restore", "--from", str(file))
    assert refused.code == 1
    assert "has a state with resources, which is not replaced" in " ".join(refused.text.split())

    engine(stack, "stack", "rm", "--force", "--yes", "--preserve-config")
    stack.preview(lambda _: None)
    assert "no changes" not in stack.markdown()
    empty = state_command(stack, "backup", "--to", str(tmp_path / "other.json"))
    assert empty.code == 1
    assert "has no resources, so there is nothing to save" in " ".join(empty.text.split())

    wrong = state_command(stack, "restore", "--from", str(file), passphrase="wrong")
    assert wrong.code == 1
    assert "incorrect passphrase" in wrong.text
    restored = state_command(stack, "restore", "--from", str(file))
    assert restored.code == 0, restored.text
    stack.preview(lambda _: None)
    assert "✅ no changes" in stack.markdown()
    assert stack.up("--detailed-exit-code").code == 0


def test_state_of_another_stack_is_refused(stack: OfflineStack, tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    assert state_command(stack, "backup", "--to", str(file)).code == 0
    result = state_command(stack, "restore", "--from", str(file), name="west")
    assert result.code == 1
    assert "is the state of stack dev; give a backup of stack west" in " ".join(result.text.split())
