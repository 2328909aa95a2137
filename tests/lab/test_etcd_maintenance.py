"""Tests of trial restores and of the defragmentation, with real etcd members on loopback."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from automation.operations.copy_facts import parse_trial
from nodeconfig.sources import source_path
from testkit.etcd_members import EtcdHost, assert_voters, running_members
from tests.lab.etcd_programs import acknowledged_gaps, defragment, leader, run_program, status
from tests.lab.test_restore_members import take_snapshot

NAMES = ("a", "b", "c")
VALUE = "x" * 100_000


@pytest.fixture
def members(tmp_path: Path) -> Iterator[list[EtcdHost]]:
    """Return three running etcd members."""
    with running_members(tmp_path, NAMES) as hosts:
        yield hosts


def fragment(host: EtcdHost) -> None:
    """Write and remove 6 MB."""
    for number in range(60):
        host.etcdctl("put", f"n-{number}", VALUE)
    host.etcdctl("del", "--prefix", "n-")
    host.etcdctl("compact", str(status(host, "Revision")))


def test_members_are_defragmented_with_the_leader_last_and_clients_continue(members: list[EtcdHost]) -> None:
    fragment(members[0])
    first = leader(members)
    sizes = {host.name: status(host, "DBSize") for host in members}
    followers = [host for host in members if host is not first]
    nothing = defragment(followers[0])
    assert (nothing.returncode, "is not the leader" in nothing.stdout) == (0, True)
    assert {host.name: status(host, "DBSize") for host in members} == sizes

    with acknowledged_gaps(first, members) as gaps:
        result = defragment(first)
    assert result.returncode == 0, result.stderr
    order = [line.split()[1].rstrip(":") for line in result.stdout.splitlines()]
    assert order[-1] == f"https://{first.member.address}:2379", "the leader was not the last one"
    assert sorted(order) == sorted(f"https://{host.member.address}:2379" for host in members)
    for host in members:
        assert status(host, "DBSize") < sizes[host.name] // 2
    assert leader(members) is not first, "the leadership did not move before the leader was defragmented"
    assert_voters(members[0], NAMES)
    assert max(gaps) < 60, f"writes paused for {max(gaps):.1f} s"
    again = defragment(leader(members))
    assert (again.returncode, again.stdout) == (0, ""), "a second run has nothing to do"


def test_nothing_is_defragmented_while_a_member_is_down(members: list[EtcdHost]) -> None:
    fragment(members[0])
    first = leader(members)
    down = next(host for host in members if host is not first)
    down.kill()
    before = status(first, "DBSize")
    result = defragment(first)
    assert (result.returncode, result.stdout) == (0, "not started: not every member is a healthy voter\n")
    assert status(first, "DBSize") == before


def verify(host: EtcdHost, directory: Path) -> subprocess.CompletedProcess[str]:
    record = str(source_path("etcd-record.sh"))
    return run_program("etcd-verify.sh", host, DIRECTORY=str(directory), RECORD_PROGRAM=record)


def test_a_snapshot_is_restored_into_a_throwaway_etcd(members: list[EtcdHost], tmp_path: Path) -> None:
    host = members[0]
    for number in range(3):
        host.etcdctl("put", f"n-{number}", "x")
    snapshot = take_snapshot(host, tmp_path)
    directory = snapshot.parent
    result = verify(host, directory)
    assert result.returncode == 0, result.stderr
    fact = parse_trial((directory / "verified").read_text().splitlines())
    assert (fact.name, fact.keys, fact.failed) == (snapshot.name, 3, None)
    assert not (directory / "verify").exists()

    content = bytearray(snapshot.read_bytes())
    content[len(content) // 2] ^= 255
    snapshot.write_bytes(content)
    damaged = verify(host, directory)
    assert damaged.returncode == 1
    fact = parse_trial((directory / "verified").read_text().splitlines())
    assert "is damaged: its sha256 is not the recorded one" in fact.reason
    assert fact.name == snapshot.name, "the last success stays in the record"
    assert not (directory / "verify").exists()
    # etcd's own digest finds damage that happened before the checksum was made.
    digest = subprocess.run(["sha256sum"], input=bytes(content), capture_output=True, check=True).stdout
    (directory / f"{snapshot.name}.sha256").write_text(f"{digest.split()[0].decode()}  {snapshot.name}\n")
    damaged = verify(host, directory)
    assert damaged.returncode == 1
    assert "cannot be restored" in damaged.stderr
