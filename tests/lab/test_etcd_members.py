"""Real etcd members on loopback, started by what decides on hosts how: formed, grown, replaced, shrunk."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from nodeconfig import etcd
from tests.support.bundles import cluster
from tests.support.cluster import cache
from tests.support.pki import secrets
from tests.support.wait import eventually
from topology.model import Member, Topology

NAMES = ("a", "b", "c", "d", "e")
BINARIES = "usr/local/lib/kubewright/bin"


def plan(names: Sequence[str]) -> Topology:
    members = tuple(Member(name, IPv4Address(f"127.0.0.{21 + NAMES.index(name)}")) for name in names)
    return replace(cluster(), etcd=members)


class Host:
    """A directory that stands for a member's host."""

    def __init__(self, root: Path, name: str, keys: dict[str, str]) -> None:
        self.root, self.name, self.keys = root, name, keys
        self.member = plan([name]).etcd[0]
        self.processes: list[subprocess.Popen[bytes]] = []
        self.empty()

    def empty(self) -> None:
        """As a machine that was never used."""
        self.kill()
        shutil.rmtree(self.root, ignore_errors=True)
        (self.root / BINARIES).mkdir(parents=True)
        version = cluster().versions.etcd
        for binary in ("etcd", "etcdctl"):
            os.symlink(cache() / "files" / binary / version / binary, self.root / BINARIES / binary)
        part = etcd.part(plan([self.name]), self.member)
        for secret in part.secrets:
            self.write(secret.path, self.keys[secret.secret])
        self.write("/etc/kubewright/host.env", f"NODE_NAME={self.name}\nNODE_IP={self.member.address}\n")
        (self.root / "var/lib/etcd").mkdir(parents=True, mode=0o700)

    def write(self, path: str, content: str) -> None:
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)

    def configure(self, names: Sequence[str]) -> None:
        """What a delivery does to a host whose member is wanted among these."""
        files = {file.path: file.content for file in etcd.part(plan(names), self.member).files}
        self.write("/etc/etcd/peers", files["/etc/etcd/peers"])
        self.write(etcd.MEMBER, files[etcd.MEMBER])

    def decide(self, command: str, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        program = self.root / etcd.MEMBER.lstrip("/")
        environment = {
            "KUBEWRIGHT_ROOT": str(self.root),
            "PATH": "/usr/bin:/bin",
            "KUBEWRIGHT_PATIENCE": "60",
        }
        return subprocess.run(
            ["sh", program, command], env=environment, capture_output=True, text=True, timeout=timeout
        )

    def start(self) -> str:
        """Starts the member as its units do; gives what was decided."""
        decided = self.decide("start")
        assert decided.returncode == 0, decided.stderr
        lines = (self.root / "etc/etcd/start.env").read_text().splitlines()
        environment = dict(line.split("=", 1) for line in lines)
        with (self.root / "log").open("ab") as log:
            command = [str(self.root / BINARIES / "etcd"), *self.flags()]
            self.processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        settled = self.decide("settle")
        assert settled.returncode == 0, settled.stderr + (self.root / "log").read_text()[-3000:]
        return decided.stdout

    def flags(self) -> list[str]:
        """The unit's flags, below this root; the loopback address is everybody's here."""
        files = etcd.part(plan([self.name]), self.member).files
        unit = next(file.content for file in files if file.path.endswith("/etcd.service"))
        found = [word for word in unit.split() if word.startswith("--") and "metrics-urls" not in word]
        found = [word.replace("https://127.0.0.1:2379,", "") for word in found]
        for path in ("/etc/etcd", "/var/lib/etcd"):
            found = [word.replace(f"={path}", f"={self.root}{path}") for word in found]
        return found

    def kill(self) -> None:
        """Without warning."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes.clear()

    def ctl(self, *words: str) -> str:
        pki = self.root / "etc/etcd/pki"
        argv = [str(self.root / BINARIES / "etcdctl"), f"--endpoints=https://{self.member.address}:2379"]
        argv += [f"--cacert={pki}/etcd-ca.crt", f"--cert={pki}/operator.crt", f"--key={pki}/operator.key"]
        return subprocess.run([*argv, *words], check=True, capture_output=True, text=True, timeout=20).stdout

    @property
    def members(self) -> dict[str, tuple[str, bool]]:
        """Id and whether it is a learner, by name."""
        rows = [line.split(", ") for line in self.ctl("member", "list").splitlines()]
        return {row[2]: (row[0], row[-1] == "true") for row in rows}


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[dict[str, Host]]:
    keys = secrets(plan(NAMES))
    found = {name: Host(tmp_path / name, name, keys) for name in NAMES}
    yield found
    for host in found.values():
        host.kill()


def together(hosts: Sequence[Host]) -> list[str]:
    with ThreadPoolExecutor(max_workers=len(NAMES)) as pool:
        return list(pool.map(Host.start, hosts))


def voters(host: Host, names: Sequence[str]) -> None:
    assert {name: learner for name, (_, learner) in host.members.items()} == dict.fromkeys(names, False)


def test_formed_side_by_side_replaced_grown_and_shrunk(hosts: dict[str, Host]) -> None:
    a, b, c = (hosts[name] for name in "abc")
    for host in (a, b, c):
        host.configure("abc")
    began = time.monotonic()
    together([a, b, c])
    print(f"formed in {time.monotonic() - began:.1f} s")
    voters(a, "abc")
    a.ctl("put", "key", "first")

    # The same data again, and then a machine that has none.
    c.kill()
    assert c.start() == ""
    identity = a.members["c"][0]
    c.empty()
    c.configure("abc")
    began = time.monotonic()
    assert f"took out member {identity}" in c.start()
    print(f"replaced in {time.monotonic() - began:.1f} s")
    voters(a, "abc")
    assert a.members["c"][0] != identity

    # Two more at the same time, of which only one may be a learner.
    d, e = hosts["d"], hosts["e"]
    for host in hosts.values():
        host.configure(NAMES)
    began = time.monotonic()
    together([d, e])
    print(f"3 to 5 in {time.monotonic() - began:.1f} s")
    voters(e, NAMES)
    assert e.ctl("get", "key", "--print-value-only") == "first\n"

    # Two at a time leave, the first of all among them: none is special.
    for name in "bce":
        hosts[name].configure("bce")
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda host: host.decide("leave"), [a, d]))
    assert [answer.returncode for answer in answers] == [0, 0], answers
    print(f"5 to 3 in {time.monotonic() - began:.1f} s")
    a.kill()
    d.kill()
    voters(b, "bce")
    assert b.ctl("get", "key", "--print-value-only") == "first\n"


def test_power_lost_everywhere_and_one_disk_with_it(hosts: dict[str, Host]) -> None:
    """The member without data must not form a second cluster while the others are not there yet."""
    three = [hosts[name] for name in "abc"]
    for host in three:
        host.configure("abc")
    together(three)
    three[0].ctl("put", "key", "kept")
    for host in three:
        host.kill()
    a, b, c = three
    shutil.rmtree(c.root / "var/lib/etcd/member")
    alone = c.decide("start")
    assert alone.returncode == 1
    assert "its data is gone and no other member answers" in alone.stderr
    together([a, b])
    assert "took out member" in c.start()
    voters(c, "abc")
    eventually("the data is there", lambda: c.ctl("get", "key", "--print-value-only") == "kept\n", timeout=10)


def test_from_one_to_three(hosts: dict[str, Host]) -> None:
    a = hosts["a"]
    a.configure("a")
    a.start()
    a.ctl("put", "key", "kept")
    for name in "abc":
        hosts[name].configure("abc")
    together([hosts["b"], hosts["c"]])
    voters(a, "abc")
    assert hosts["c"].ctl("get", "key", "--print-value-only") == "kept\n"
    assert a.decide("others").returncode == 0
    hosts["b"].kill()
    assert hosts["c"].decide("ready").returncode == 0
