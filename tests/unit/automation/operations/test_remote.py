"""What is sent to hosts, and what an answer says."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from automation.errors import UserError
from tests.unit.automation.conftest import FakeSsh


def test_a_script_runs_and_its_answer_is_whole(fake_ssh: FakeSsh) -> None:
    answer = fake_ssh.remote.run("a", 'cat; echo "it\'s" >&2; exit 3', stdin="in")
    assert (answer.code, answer.output, answer.error.strip()) == (3, "in", "it's")
    assert answer.reached
    assert not answer.ok
    assert answer.reason == "it's"


def test_standard_input_is_in_no_command_line(fake_ssh: FakeSsh) -> None:
    fake_ssh.remote.run("a", "cat", stdin="SECRET")
    assert "SECRET" not in "\n".join(fake_ssh.calls())


def test_ssh_never_asks_and_never_trusts_a_host_unseen(fake_ssh: FakeSsh) -> None:
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


def test_a_host_with_its_own_ssh_is_reached_by_it_and_becomes_root(fake_ssh: FakeSsh, tmp_path: Path) -> None:
    assert fake_ssh.remote.run("b", "echo $SUDO").output == "yes\n"
    assert fake_ssh.remote.run("b", "echo $SUDO", root=False).output == "\n"
    assert "-p 2222" in fake_ssh.calls()[0]
    known = tmp_path / "state/known_hosts.b"
    assert known.read_text() == "[10.0.0.2]:2222 ssh-ed25519 AAAA\n"
    assert f"UserKnownHostsFile={known}" in fake_ssh.calls()[0]


def test_a_lost_host_is_an_answer_that_holds_up_no_other(fake_ssh: FakeSsh) -> None:
    answers = fake_ssh.remote.everywhere(["a", "lost"], "echo here")
    assert answers["a"].output == "here\n"
    assert not answers["lost"].reached
    assert "No route to host" in answers["lost"].reason


def test_an_answer_that_does_not_come_ends_by_the_time_out(fake_ssh: FakeSsh) -> None:
    begun = time.monotonic()
    answer = fake_ssh.remote.run("a", "exec sleep 20", timeout=0.5)
    assert time.monotonic() - begun < 5
    assert answer.code == 124
    assert not answer.ok


def test_files_go_and_come_as_they_are(fake_ssh: FakeSsh, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(content)
    assert fake_ssh.remote.send("a", f"cat >{tmp_path}/there", source, timeout=10).ok
    assert fake_ssh.remote.fetch("a", f"cat {tmp_path}/there", target, timeout=10).ok
    assert target.read_bytes() == content
    assert target.stat().st_mode & 0o077 == 0


def test_a_host_that_is_not_in_the_inventory_is_named(fake_ssh: FakeSsh) -> None:
    with pytest.raises(UserError, match=r"w-9: not a host of metal.hosts; there are a, b, lost"):
        fake_ssh.remote.run("w-9", "true")
