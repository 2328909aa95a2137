"""Tests of the restore of a snapshot with real etcd members on loopback."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from automation.operations import restore
from nodeconfig.sources import source_path
from testkit.etcd_members import (
    BINARIES,
    EtcdHost,
    assert_voters,
    etcd_topology,
    running_members,
    start_together,
)

NAMES = ("a", "b", "c")
STAMP = "20261120T000000Z"


@pytest.fixture
def members(tmp_path: Path) -> Iterator[list[EtcdHost]]:
    """Return three running etcd members."""
    with running_members(tmp_path, NAMES) as hosts:
        for host in hosts:
            (host.root / "systemctl").write_text(
                f"#!/bin/sh\n[ $1 != is-active ] || [ -e {host.root}/running ]\n"
            )
            (host.root / "systemctl").chmod(0o755)
        yield hosts


def test_restore_returns_every_key_of_the_snapshot_and_no_later_key(
    members: list[EtcdHost], tmp_path: Path
) -> None:
    a, b, c = members
    with BackgroundWriter(a) as acknowledged:
        acknowledged.wait_for(30)
        before = len(acknowledged.numbers)
        snapshot = take_snapshot(b, tmp_path)
        acknowledged.wait_for(before + 10)
    last_revision, old = revision(a), a.members
    after = len(acknowledged.numbers)
    a.etcdctl("put", "later", "x")
    data = c.root / "var/lib/etcd/member"
    for host in members:
        host.kill()
    subprocess.run(["cp", "-a", str(data), str(tmp_path / "old")], check=True)
    for host in (a, b):
        subprocess.run(["rm", "-rf", str(host.root / "var/lib/etcd/member")], check=True)

    run_restore(members, snapshot)
    start_together(members)
    keys = set(c.etcdctl("get", "--prefix", "n-", "--keys-only").split())
    assert {f"n-{number}" for number in range(before)} <= keys
    assert len(keys) < after, "a write after the snapshot exists"
    assert a.etcdctl("get", "later") == ""
    assert revision(a) > last_revision + 900_000_000, "revisions decreased: client caches would be wrong"
    assert_voters(b, NAMES)
    # The old data is kept. A member with the old data belongs to another cluster.
    assert (c.root / f"var/lib/etcd/before-{STAMP}/member/wal").is_dir()
    assert {member for member, _ in a.members.values()}.isdisjoint(member for member, _ in old.values())


def test_interrupted_restore_can_be_repeated(members: list[EtcdHost], tmp_path: Path) -> None:
    a, b, _ = members
    a.etcdctl("put", "n-0", "x")
    snapshot = take_snapshot(a, tmp_path)
    for host in members:
        host.kill()
    # The restore is interrupted on one member during the exchange of data, and on the others before it.
    for step in ("receive", "prepare", "swap"):
        run_step(a, step, snapshot)
    run_step(b, "receive", snapshot)
    run_restore(members, snapshot, stamp="20261120T000001Z")
    start_together(members)
    assert b.etcdctl("get", "n-0").split() == ["n-0", "x"]
    assert_voters(a, NAMES)


def test_data_of_a_running_member_is_not_exchanged(members: list[EtcdHost], tmp_path: Path) -> None:
    a = members[0]
    snapshot = take_snapshot(a, tmp_path)
    (a.root / "running").touch()
    run_step(a, "receive", snapshot)
    run_step(a, "prepare", snapshot)
    refused = execute_step(a, "swap", snapshot)
    assert refused.returncode != 0
    assert refused.stderr == "etcd still runs\n"
    assert a.etcdctl("put", "still", "serves")


def test_damaged_snapshot_is_refused(members: list[EtcdHost], tmp_path: Path) -> None:
    a = members[0]
    snapshot = take_snapshot(a, tmp_path)
    snapshot_bytes = snapshot.read_bytes()
    digest = sha256(snapshot_bytes).hexdigest()
    snapshot.write_bytes(snapshot_bytes[:-100])
    refused = execute_step(a, "receive", snapshot, digest=digest)
    assert refused.returncode != 0
    assert "is not complete" in refused.stderr


class AcknowledgedWrites:
    """The numbers whose writes etcd has acknowledged, in order. Threads can wait for a count of writes."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self._more = threading.Condition()

    def add(self, number: int) -> None:
        with self._more:
            self.numbers.append(number)
            self._more.notify_all()

    def wait_for(self, count: int) -> None:
        with self._more:
            assert self._more.wait_for(lambda: len(self.numbers) >= count, timeout=60)


class BackgroundWriter:
    """A context manager that writes increasing numbers to an etcd member in a thread until the block ends."""

    def __init__(self, host: EtcdHost) -> None:
        self._host, self._written, self._stop = host, AcknowledgedWrites(), threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> AcknowledgedWrites:
        self._thread.start()
        return self._written

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        number = 0
        while not self._stop.is_set():
            self._host.etcdctl("put", f"n-{number}", "x" * 1000)
            self._written.add(number)
            number += 1


def take_snapshot(host: EtcdHost, directory: Path) -> Path:
    """Take a snapshot of a member with the snapshot program of hosts. Return the path of the snapshot."""
    pki, snapshot_directory = host.root / "etc/etcd/pki", directory / "kept"
    environment = {
        "PATH": f"{host.root / BINARIES}:/usr/bin:/bin",
        "NODE_NAME": host.name,
        "DIRECTORY": str(snapshot_directory),
        "KEEP": "3",
        "COPY_TO": "",
        "ETCDCTL_ENDPOINTS": f"https://{host.member.address}:2379",
        "ETCDCTL_CACERT": f"{pki}/etcd-ca.crt",
        "ETCDCTL_CERT": f"{pki}/operator.crt",
        "ETCDCTL_KEY": f"{pki}/operator.key",
    }
    program = source_path("etcd-snapshot.sh")
    result = subprocess.run(["sh", str(program)], env=environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    [snapshot] = snapshot_directory.glob("*.db")
    restore.verify_snapshot(snapshot)
    return snapshot


def execute_step(
    host: EtcdHost, name: str, snapshot: Path, *, digest: str = "", stamp: str = STAMP
) -> subprocess.CompletedProcess[str]:
    """Run one step of the restore on the host of a member, with the script that hosts receive."""
    digest = digest or sha256(snapshot.read_bytes()).hexdigest()
    text = restore.step_script(name, restore.member_variables(etcd_topology(NAMES), digest, stamp)[host.name])
    environment = {"KUBEWRIGHT_ROOT": str(host.root), "PATH": f"{host.root}:/usr/bin:/bin"}
    with snapshot.open("rb") as source:
        return subprocess.run(
            ["sh", "-c", text], env=environment, stdin=source, capture_output=True, text=True, timeout=60
        )


def run_step(host: EtcdHost, name: str, snapshot: Path, *, stamp: str = STAMP) -> None:
    """Run one step of the restore on the host of a member, and assert that it succeeds."""
    result = execute_step(host, name, snapshot, stamp=stamp)
    assert result.returncode == 0, f"{name}: {result.stderr}"


def run_restore(hosts: Sequence[EtcdHost], snapshot: Path, *, stamp: str = STAMP) -> None:
    """Run all steps of the restore on all members, except the start of the members."""
    for name in ("receive", "prepare", "swap"):
        for host in hosts:
            run_step(host, name, snapshot, stamp=stamp)


def revision(host: EtcdHost) -> int:
    """Return the current revision of a member."""
    rows = host.etcdctl("endpoint", "status", "--write-out=fields").splitlines()
    return next(int(row.split(" : ")[1]) for row in rows if row.startswith('"Revision"'))
