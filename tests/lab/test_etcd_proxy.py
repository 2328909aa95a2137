"""Tests of the proxy of etcd with haproxy and real etcd members on loopback: a member is frozen."""

from __future__ import annotations

import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from artifacts.acquire import fetch_or_build
from artifacts.cache import Cache
from artifacts.catalogue import binary
from artifacts.progress import Progress
from nodeconfig import etcd_proxy
from nodeconfig.bundle import SecretFile
from testkit.control_plane import free_ports
from testkit.etcd_members import BINARIES, EtcdHost, etcd_topology, start_together
from testkit.pki import create_secrets
from testkit.wait import eventually
from topology.ports import ETCD_CLIENT_PORT

NAMES = "abc"
MAX_GAP = 5
"""Maximum time in seconds until the client uses another member."""
TOPOLOGY = etcd_topology(NAMES)


@pytest.fixture
def members(tmp_path: Path) -> Iterator[dict[str, EtcdHost]]:
    """Yield three running etcd members by name."""
    secrets = create_secrets(TOPOLOGY)
    hosts = {name: EtcdHost(tmp_path / name, name, secrets) for name in NAMES}
    for host in hosts.values():
        host.configure(NAMES)
    try:
        start_together(list(hosts.values()))
        yield hosts
    finally:
        for host in hosts.values():
            host.kill()


@pytest.fixture
def proxy(members: dict[str, EtcdHost], tmp_path: Path) -> Iterator[list[str]]:
    """Run the proxy of a control plane. Yield the command line of etcdctl as its client."""
    directory = tmp_path / "control-plane"
    member = TOPOLOGY.control_planes[0]
    for secret in etcd_proxy.component(TOPOLOGY, member).secrets:
        write_secret(directory, secret, members["a"].secrets)
    config = directory / "haproxy.cfg"
    text = etcd_proxy.proxy_configuration(TOPOLOGY, member)
    # Another test run on this machine can have a proxy at the same time.
    proxy = f"127.0.0.1:{free_ports(1)[0]}"
    text = text.replace(f"bind 127.0.0.1:{ETCD_CLIENT_PORT}\n", f"bind {proxy}\n")
    config.write_text(text.replace("/etc/etcd-proxy", f"{directory}/etc/etcd-proxy"))
    archive = fetch_or_build(binary("haproxy", "1"), Cache.default(), Progress(quiet=True))
    with tarfile.open(archive) as tar:
        tar.extractall(directory / "haproxy", filter="fully_trusted")
    pki = directory / "etc/etcd-proxy/pki"
    client = [str(members["a"].root / BINARIES / "etcdctl"), f"--endpoints=https://{proxy}"]
    client += [f"--cacert={pki}/etcd-ca.crt", f"--cert={pki}/client.crt", f"--key={pki}/client.key"]
    process = subprocess.Popen([str(directory / "haproxy/haproxy"), "-f", str(config)])
    try:
        eventually("the proxy serves", lambda: put(client, "start"), timeout=30)
        yield client
    finally:
        process.terminate()
        process.wait()


def write_secret(directory: Path, secret: SecretFile, contents: dict[str, str]) -> None:
    target = directory / secret.path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(contents[secret.secret])


def put(client: list[str], value: str) -> bool:
    """Write a value through the proxy. Return whether etcd acknowledged it within 3 s."""
    command = [*client, "put", "key", value, "--command-timeout=3s"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_client_leaves_a_frozen_member_within_seconds(
    members: dict[str, EtcdHost], proxy: list[str], tmp_path: Path
) -> None:
    """The watch has a connection to the frozen member, as an API server does."""
    seen = tmp_path / "seen"
    with seen.open("wb") as output:
        watch = subprocess.Popen([*proxy, "watch", "key"], stdout=output)
    try:
        eventually(
            "the watch runs", lambda: put(proxy, "before") and "before" in seen.read_text(), timeout=30
        )
        (frozen,) = members["a"].processes
        began = time.monotonic()
        frozen.send_signal(signal.SIGSTOP)
        try:
            eventually("a write succeeds", lambda: put(proxy, "during"), timeout=30, interval=0.1)
            written = time.monotonic() - began
            eventually("the watch goes on", lambda: "during" in seen.read_text(), timeout=30, interval=0.1)
            watched = time.monotonic() - began
            print(f"written after {written:.1f} s, watched after {watched:.1f} s")
            assert written <= MAX_GAP
            assert watched <= MAX_GAP + 1
            assert all(put(proxy, f"later-{number}") for number in range(20))
        finally:
            frozen.send_signal(signal.SIGCONT)
        assert all(put(proxy, f"after-{number}") for number in range(20))
    finally:
        watch.kill()
        watch.wait()
