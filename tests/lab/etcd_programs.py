"""Runs the host programs of etcd members on loopback, and measures what a client notices."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nodeconfig import etcd_maintenance
from testkit.etcd_members import BINARIES, EtcdHost
from topology.ports import ETCD_CLIENT_PORT

PROGRAMS = Path(etcd_maintenance.__file__).parent / "host"


def run_program(name: str, host: EtcdHost, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{host.root / BINARIES}:/usr/bin:/bin",
        "NODE_NAME": host.name,
        **variables,
    }
    return subprocess.run(
        ["sh", str(PROGRAMS / name)], env=environment, capture_output=True, text=True, timeout=200
    )


def defragment(host: EtcdHost, *, free_percent: int = 50) -> subprocess.CompletedProcess[str]:
    pki = host.root / "etc/etcd/pki"
    return run_program(
        "etcd-defragment.sh",
        host,
        ETCDCTL_CACERT=f"{pki}/etcd-ca.crt",
        ETCDCTL_CERT=f"{pki}/operator.crt",
        ETCDCTL_KEY=f"{pki}/operator.key",
        LOCAL=f"https://{host.member.address}:2379",
        FREE_PERCENT=str(free_percent),
        MIN_BYTES="1000000",
    )


def status(host: EtcdHost, name: str) -> int:
    rows = host.etcdctl("endpoint", "status", "--write-out=fields").splitlines()
    return next(int(row.split(" : ")[1]) for row in rows if row.startswith(f'"{name}"'))


def leader(hosts: Sequence[EtcdHost]) -> EtcdHost:
    return next(host for host in hosts if status(host, "MemberID") == status(host, "Leader"))


@contextmanager
def acknowledged_gaps(writer: EtcdHost, members: Sequence[EtcdHost]) -> Iterator[list[float]]:
    """Write all the time to any member, with the credentials of `writer`.

    Yield the times between acknowledged writes in seconds. Writes that fail are repeated.
    """
    gaps: list[float] = []
    stop = threading.Event()
    endpoints = ",".join(f"https://{host.member.address}:{ETCD_CLIENT_PORT}" for host in members)

    def write() -> None:
        last = time.monotonic()
        while not stop.is_set():
            try:
                writer.etcdctl("put", "writer", "x", f"--endpoints={endpoints}")
            except subprocess.CalledProcessError:
                continue
            now = time.monotonic()
            gaps.append(now - last)
            last = now

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield gaps
    finally:
        stop.set()
        thread.join()
