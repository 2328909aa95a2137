"""Tests of private SSH keys as inputs of hosts: the preview of a deployer with another key."""

from __future__ import annotations

import pytest

from testkit.offline.machine import Machine
from testkit.stackfile import Document
from tests.engine.stack import OfflineStack, keep_one_machine

pytestmark = pytest.mark.release

_ANOTHER_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\na2V5LW9mLWFub3RoZXItZGVwbG95ZXI=\n"
_WARNING = "the private key is an input of 1 host"


@pytest.fixture(autouse=True)
def keep_settings(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the SSH settings of the stack, which `OfflineStack` otherwise replaces."""
    monkeypatch.setattr(Machine, "ssh_settings", lambda *_: {})


def stack_with(machine: Machine, name: str, ssh: Document) -> OfflineStack:
    """Return a deployed stack with the environment `test` and these SSH settings."""

    def edit(cluster: Document) -> None:
        keep_one_machine(cluster)
        cluster["environment"] = "test"
        cluster["network"]["api_allowed"] = ["10.0.0.0/8"]
        cluster["metal"]["ssh"] = {"known_hosts_file": str(machine.root / "known_hosts"), **ssh}

    (machine.root / "known_hosts").write_text("10.89.0.11 ssh-ed25519 AAAA\n")
    stack = OfflineStack.from_checkout(machine, "dev", edit)
    stack.name = name
    stack.up()
    return stack


def test_another_key_changes_every_host_and_the_preview_warns(machine: Machine) -> None:
    key = machine.root / "own-key"
    key.write_text(_ANOTHER_KEY.replace("a2V5", "b3du"))
    stack = stack_with(machine, "file", {"private_key_file": str(key)})
    unchanged = stack.preview(lambda _: None, "--detailed-exit-code")
    assert unchanged.code == 0
    assert _WARNING in unchanged.text
    key.write_text(_ANOTHER_KEY)
    changed = stack.preview(lambda _: None, "--detailed-exit-code", check=False)
    assert changed.code == 2
    # The preview updates all commands of the host, and creates, replaces and deletes nothing.
    assert "| 0 | 5 | 0 | 0 |" in stack.markdown()


def test_another_agent_changes_nothing(machine: Machine) -> None:
    stack = stack_with(machine, "agent", {"agent": True})
    variables = {"SSH_AUTH_SOCK": str(machine.root / "another-agent")}
    result = stack.preview(lambda _: None, "--detailed-exit-code", variables=variables)
    assert result.code == 0
    assert _WARNING not in result.text
