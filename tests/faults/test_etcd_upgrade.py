"""Fault test: etcd is upgraded by one minor version, member by member, while a client writes [J1]."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from artifacts.catalogue import DEFAULTS, supported_versions
from testkit.etcd_members import EtcdHost, etcd_topology, start_together
from testkit.pki import create_secrets
from tests.faults.load import longest_gap

OLD_VERSION = supported_versions("etcd")[1]
NAMES = ("a", "b", "c")
MAX_WRITE_GAP = 5


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[list[EtcdHost]]:
    """Yield the hosts of three etcd members with the previous minor version. No member runs yet."""
    keys = create_secrets(etcd_topology(NAMES))
    members = [EtcdHost(tmp_path / name, name, keys, OLD_VERSION) for name in NAMES]
    yield members
    for host in members:
        host.kill()


def test_etcd_upgrade_member_by_member_without_a_gap(hosts: list[EtcdHost]) -> None:
    for host in hosts:
        host.configure(NAMES)
    start_together(hosts)
    assert set(hosts[0].run_member_program("versions").stdout.split()[1::2]) == {OLD_VERSION}
    stopped, written = threading.Event(), list[float]()
    endpoints = "--endpoints=" + ",".join(f"https://{host.member.address}:2379" for host in hosts)

    def write() -> None:
        while not stopped.is_set():
            try:
                hosts[0].etcdctl("put", f"key-{len(written)}", "x", endpoints, "--command-timeout=2s")
                written.append(time.monotonic())
            except Exception:  # failed writes are retried, because only the gap matters
                time.sleep(0.1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for host in hosts:
            assert host.run_member_program("others").returncode == 0
            host.stop()
            host.install(DEFAULTS.etcd)
            host.start()
    finally:
        stopped.set()
        writer.join()
    print(f"{len(written)} writes, longest gap {longest_gap(written):.1f} s")
    assert longest_gap(written) < MAX_WRITE_GAP
    assert set(hosts[0].run_member_program("versions").stdout.split()[1::2]) == {DEFAULTS.etcd}
    count = hosts[2].etcdctl("get", "key-", "--prefix", "--count-only", "--write-out=fields")
    assert f'"Count" : {len(written)}' in count
