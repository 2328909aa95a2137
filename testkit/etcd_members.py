"""Real etcd members on loopback, each in a directory that emulates the host of the member."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

from artifacts.acquire import fetch_or_build
from artifacts.cache import Cache
from artifacts.catalogue import DEFAULTS, binary
from artifacts.progress import Progress
from nodeconfig import etcd
from nodeconfig.host_paths import LOCAL_ETCD
from testkit.bundles import cluster
from testkit.pki import create_secrets
from topology.model import Member, Topology
from topology.ports import ETCD_CLIENT_PORT

NAMES = ("a", "b", "c", "d", "e")
BINARIES = "usr/local/lib/kubewright/bin"


_NETWORK = IPv4Address("127.0.0.0") + (os.getpid() % 2**16 << 8)
"""The /24 of the members. Parallel test processes have different networks, because all members listen on the
same ports.
"""


def etcd_topology(names: Sequence[str]) -> Topology:
    """Return the topology of a cluster with these etcd members."""
    members = tuple(Member(name, _NETWORK + (21 + NAMES.index(name))) for name in names)
    return replace(cluster(), etcd=members)


class EtcdHost:
    """A directory that emulates the host of an etcd member. `secrets` are contents of secret files by
    name.
    """

    def __init__(self, root: Path, name: str, secrets: dict[str, str], version: str = "") -> None:
        self.root, self.name, self.secrets = root, name, secrets
        self.version = version or DEFAULTS.etcd
        self.member = etcd_topology([name]).etcd[0]
        self.processes: list[subprocess.Popen[bytes]] = []
        self.empty()

    def empty(self) -> None:
        """Empty the directory, as on an unused machine."""
        self.kill()
        shutil.rmtree(self.root, ignore_errors=True)
        (self.root / BINARIES).mkdir(parents=True)
        self.install(self.version)
        component = etcd.component(etcd_topology([self.name]), self.member)
        for secret in component.secrets:
            self.write_host_file(secret.path, self.secrets[secret.secret])
        self.write_host_file(
            "/etc/kubewright/host.env", f"NODE_NAME={self.name}\nNODE_IP={self.member.address}\n"
        )
        (self.root / "var/lib/etcd").mkdir(parents=True, mode=0o700)

    def install(self, version: str) -> None:
        """Install the etcd binaries of a version from the artifact cache."""
        for name in ("etcd", "etcdctl", "etcdutl"):
            target = self.root / BINARIES / name
            target.unlink(missing_ok=True)
            target.symlink_to(fetch_or_build(binary(name, version), Cache.default(), Progress(quiet=True)))

    def write_host_file(self, path: str, content: str) -> None:
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)

    def configure(self, names: Sequence[str]) -> None:
        """Write the files that a delivery writes for a cluster of these members."""
        files = {file.path: file.content for file in etcd.component(etcd_topology(names), self.member).files}
        self.write_host_file("/etc/etcd/peers", files["/etc/etcd/peers"])
        self.write_host_file(etcd.MEMBER_PROGRAM, files[etcd.MEMBER_PROGRAM])

    def run_member_program(self, command: str, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        """Run a command of the member program on this host and return the result."""
        program = self.root / etcd.MEMBER_PROGRAM.lstrip("/")
        environment = {
            "KUBEWRIGHT_ROOT": str(self.root),
            "PATH": "/usr/bin:/bin",
            "KUBEWRIGHT_TIMEOUT": "60",
        }
        return subprocess.run(
            ["sh", program, command], env=environment, capture_output=True, text=True, timeout=timeout
        )

    def start(self) -> str:
        """Start the member as its systemd units do, and return the printed decision of the member program."""
        decision = self.run_member_program("start")
        assert decision.returncode == 0, decision.stderr
        lines = (self.root / "etc/etcd/start.env").read_text().splitlines()
        environment = dict(line.split("=", 1) for line in lines)
        with (self.root / "log").open("ab") as log:
            command = [str(self.root / BINARIES / "etcd"), *self.flags()]
            self.processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        promotion = self.run_member_program("promote")
        assert promotion.returncode == 0, promotion.stderr + (self.root / "log").read_text()[-3000:]
        return decision.stdout

    def flags(self) -> list[str]:
        """Return the command-line flags of etcd from its systemd unit, with paths below the directory of this
        host.

        The flags have no address for etcdctl and metrics on loopback, because all members share this address.
        """
        files = etcd.component(etcd_topology([self.name]), self.member).files
        unit = next(file.content for file in files if file.path.endswith("/etcd.service"))
        flags = [word for word in unit.split() if word.startswith("--") and "metrics-urls" not in word]
        flags = [word.replace(f"{LOCAL_ETCD},", "") for word in flags]
        for path in ("/etc/etcd", "/var/lib/etcd"):
            flags = [word.replace(f"={path}", f"={self.root}{path}") for word in flags]
        return flags

    def stop(self) -> None:
        """Stop the etcd processes with SIGTERM, as `systemctl stop` does, and wait until they end."""
        for process in self.processes:
            process.terminate()
            process.wait()
        self.processes.clear()

    def kill(self) -> None:
        """Kill the member (SIGKILL)."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()

    def etcdctl(self, *words: str) -> str:
        """Run etcdctl against this member and return its output."""
        pki = self.root / "etc/etcd/pki"
        argv = [
            str(self.root / BINARIES / "etcdctl"),
            f"--endpoints=https://{self.member.address}:{ETCD_CLIENT_PORT}",
        ]
        argv += [f"--cacert={pki}/etcd-ca.crt", f"--cert={pki}/operator.crt", f"--key={pki}/operator.key"]
        return subprocess.run([*argv, *words], check=True, capture_output=True, text=True, timeout=20).stdout

    @property
    def members(self) -> dict[str, tuple[str, bool]]:
        """Return the id and the learner state of each member, by name."""
        rows = [line.split(", ") for line in self.etcdctl("member", "list").splitlines()]
        return {row[2]: (row[0], row[-1] == "true") for row in rows}


@contextmanager
def running_members(directory: Path, names: Sequence[str]) -> Iterator[list[EtcdHost]]:
    """Yield running members, each in a directory with its name."""
    secrets = create_secrets(etcd_topology(names))
    hosts = [EtcdHost(directory / name, name, secrets) for name in names]
    for host in hosts:
        host.configure(names)
    try:
        start_together(hosts)
        yield hosts
    finally:
        for host in hosts:
            host.kill()


def start_together(hosts: Sequence[EtcdHost]) -> list[str]:
    """Start members at the same time and return the decision of the member program for each member."""
    with ThreadPoolExecutor(max_workers=len(NAMES)) as pool:
        return list(pool.map(EtcdHost.start, hosts))


def assert_voters(host: EtcdHost, names: Sequence[str]) -> None:
    """Assert that the cluster has exactly these members and no learner."""
    assert {name: learner for name, (_, learner) in host.members.items()} == dict.fromkeys(names, False)
