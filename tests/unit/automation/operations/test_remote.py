"""Tests of scripts that run on hosts over SSH, and of their results."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from automation.errors import UserError
from tests.unit.automation.conftest import FakeSsh


def test_result_has_the_output_and_the_exit_code(fake_ssh: FakeSsh) -> None:
    result = fake_ssh.remote.run("a", 'cat; echo "it\'s" >&2; exit 3', stdin="in")
    assert (result.code, result.output, result.error.strip()) == (3, "in", "it's")
    assert result.reached
    assert not result.ok
    assert result.reason == "it's"


def test_standard_input_is_not_in_a_command_line(fake_ssh: FakeSsh) -> None:
    fake_ssh.remote.run("a", "cat", stdin="SECRET")
    assert "SECRET" not in "\n".join(fake_ssh.calls())


def test_ssh_asks_no_questions_and_verifies_host_keys(fake_ssh: FakeSsh) -> None:
    fake_ssh.remote.run("a", "true")
    [call] = fake_ssh.calls()
    for words in (
        "BatchMode=yes",
        "StrictHostKeyChecking=yes",
        "UserKnownHostsFile=/keys/known",
        "-i /keys/id",
        "root@10.0.0.1",
    ):
        assert words in call


def test_ssh_settings_of_a_host_are_used(fake_ssh: FakeSsh, tmp_path: Path) -> None:
    assert fake_ssh.remote.run("b", "echo $SUDO").output == "yes\n"
    assert fake_ssh.remote.run("b", "echo $SUDO", root=False).output == "\n"
    assert "-p 2222" in fake_ssh.calls()[0]
    known_hosts = tmp_path / "state/known_hosts.b"
    assert known_hosts.read_text() == "[10.0.0.2]:2222 ssh-ed25519 AAAA\n"
    assert f"UserKnownHostsFile={known_hosts}" in fake_ssh.calls()[0]


def test_unreachable_host_does_not_affect_other_hosts(fake_ssh: FakeSsh) -> None:
    results = fake_ssh.remote.run_on_all(["a", "lost"], "echo here")
    assert results["a"].output == "here\n"
    assert not results["lost"].reached
    assert "No route to host" in results["lost"].reason


def test_timeout_ends_a_script(fake_ssh: FakeSsh) -> None:
    start = time.monotonic()
    result = fake_ssh.remote.run("a", "exec sleep 600", timeout=0.5)
    assert time.monotonic() - start < 120
    assert result.code == 124
    assert not result.ok


def test_files_are_transferred_unchanged(fake_ssh: FakeSsh, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    assert fake_ssh.remote.send("a", f"cat >{tmp_path}/there", source, timeout=10).ok
    assert fake_ssh.remote.fetch("a", f"cat {tmp_path}/there", target, timeout=10).ok
    assert target.read_bytes() == content
    assert target.stat().st_mode & 0o077 == 0


def test_unknown_host_is_an_error(fake_ssh: FakeSsh) -> None:
    with pytest.raises(UserError, match=r"w-9: not a host of metal.hosts; the hosts are a, b, lost"):
        fake_ssh.remote.run("w-9", "true")
