"""Fault test of the defragmentation: many deleted keys, and a client that writes all the time."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from testkit.etcd_members import BINARIES, EtcdHost, running_members
from testkit.figures import RecordFigures
from tests.lab.etcd_programs import acknowledged_gaps, defragment, leader, status
from topology.ports import ETCD_CLIENT_PORT

NAMES = ("a", "b", "c")
KEYS = 200_000
KEYS_PER_REQUEST = 100
"""etcd accepts at most 128 operations in a request."""
VALUE = "x" * 500


def write_keys(host: EtcdHost) -> None:
    """Write all keys in requests with many operations."""
    pki = host.root / "etc/etcd/pki"
    endpoint = f"https://{host.member.address}:{ETCD_CLIENT_PORT}"
    argv = [str(host.root / BINARIES / "etcdctl"), f"--endpoints={endpoint}", "txn"]
    argv += [f"--cacert={pki}/etcd-ca.crt", f"--cert={pki}/operator.crt", f"--key={pki}/operator.key"]
    for start in range(0, KEYS, KEYS_PER_REQUEST):
        puts = "".join(f"put n-{number} {VALUE}\n" for number in range(start, start + KEYS_PER_REQUEST))
        subprocess.run(argv, input=f"\n{puts}\n\n", check=True, capture_output=True, text=True, timeout=60)


@pytest.mark.timeout(1800)
def test_many_deleted_keys_are_defragmented_under_a_client(
    tmp_path: Path, record_figures: RecordFigures
) -> None:
    with running_members(tmp_path, NAMES) as members:
        write_keys(members[0])
        assert (
            int(
                members[0]
                .etcdctl("get", "n-", "--prefix", "--count-only", "--write-out=fields")
                .split('"Count" : ')[1]
            )
            == KEYS
        )
        with acknowledged_gaps(members[0], members) as quiet:
            time.sleep(10)
        members[0].etcdctl("del", "--prefix", "n-", "--command-timeout=60s")
        members[0].etcdctl("compact", str(status(members[0], "Revision")), "--command-timeout=60s")
        # etcd removes compacted keys after it has answered.
        time.sleep(5)
        before = status(members[0], "DBSize")
        first = leader(members)
        with acknowledged_gaps(members[0], members) as gaps:
            result = defragment(first)
        assert result.returncode == 0, result.stderr
        assert len(result.stdout.splitlines()) == len(members)
        after = [status(host, "DBSize") for host in members]
        assert max(after) < before // 10
        record_figures(
            keys=KEYS,
            mebibytes_before=before // 2**20,
            mebibytes_after=max(after) // 2**20,
            writes=len(gaps),
            longest_gap=round(max(gaps), 2),
            longest_gap_before=round(max(quiet), 2),
        )
        assert max(gaps) < 60, f"writes paused for {max(gaps):.1f} s"
