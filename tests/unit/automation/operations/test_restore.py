"""The order of a restore, on hosts that note what they are asked."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from testkit.bundles import cluster

from automation.deliveries import Delivery
from automation.errors import UserError
from automation.operations import restore
from automation.operations.remote import Answer
from automation.operations.target import Target
from topology.model import Role

TOPOLOGY = cluster(etcd=3, workers=1)


class Recorded:
    """Hosts that note what they are asked, as (step or role, host)."""

    def __init__(self, have: dict[str, list[str]], lost: str = "", broken: str = "") -> None:
        self.have, self.lost, self.broken = have, lost, broken
        self.steps: list[tuple[str, str]] = []

    def everywhere(
        self, hosts: Iterable[str], script: str | Mapping[str, str], **_: object
    ) -> dict[str, Answer]:
        return {host: self.run(host, script if isinstance(script, str) else script[host]) for host in hosts}

    def run(self, host: str, script: str, **_: object) -> Answer:
        if host == self.lost:
            return Answer(host, 255, "", "No route to host", reached=False)
        if script == "true":
            return Answer(host, 0, "", "")
        if script.startswith("for role in"):
            return Answer(host, 0, "\n".join(self.have[host]), "")
        step = script.split("step=", 1)[1].split()[0] if script.startswith("step=") else script
        self.steps.append((step, host))
        if step == self.broken:
            return Answer(host, 1, "", "disk full")
        return Answer(host, 0, "no", "")

    def send(self, host: str, script: str, source: Path, **_: object) -> Answer:
        return self.run(host, script)

    def order(self) -> list[str]:
        """The steps in their order, each once."""
        return list(dict.fromkeys(step for step, _ in self.steps))


ALL = {machine.name: [role.value for role in machine.roles] for machine in TOPOLOGY.machines}


def run(hosts: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    snapshot = tmp_path / "s.db"
    snapshot.write_bytes(b"data")
    (tmp_path / "s.db.sha256").write_text(sha256(b"data").hexdigest() + "  s.db\n")
    wanted = [
        Delivery(machine.name, role, f"deliver-{role.value}", "")
        for machine in TOPOLOGY.machines
        for role in machine.roles
    ]
    monkeypatch.setattr(restore, "deliveries", lambda _: wanted)
    nodes = tuple(machine.name for machine in TOPOLOGY.machines if Role.NODE in machine.roles)
    target = SimpleNamespace(
        topology=TOPOLOGY,
        remote=hosts,
        engine=None,
        hosts=tuple(ALL),
        with_role=lambda role: nodes if role is Role.NODE else (),
    )
    return restore.restore(cast(Target, target), snapshot)


USUAL = [
    "have",
    "receive",
    "prepare",
    "stop-api",
    "stop-etcd",
    "swap",
    "start-etcd",
    "wait-etcd",
    "start-api",
]


def test_nothing_is_stopped_before_the_new_data_is_ready_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = Recorded(ALL)
    assert run(hosts, tmp_path, monkeypatch) == 0
    assert hosts.order() == [*USUAL, "restart-kubelet"]
    for step in ("prepare", "stop-etcd", "swap", "wait-etcd"):
        assert sorted(host for done, host in hosts.steps if done == step) == ["e-0", "e-1", "e-2"]
    stopped = hosts.steps.index(("stop-etcd", "e-0"))
    assert hosts.steps.index(("stop-api", "cp-1")) < stopped < hosts.steps.index(("swap", "e-0"))


def test_hosts_that_came_back_empty_are_installed_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = Recorded({name: [] for name in ALL})
    assert run(hosts, tmp_path, monkeypatch) == 0
    assert hosts.order() == [
        "deliver-etcd",
        *["have", "receive", "prepare", "stop-etcd", "swap", "start-etcd", "wait-etcd"],
        "deliver-control-plane",
        "deliver-node",
    ]


def test_one_empty_member_must_not_join_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = Recorded({**ALL, "e-1": []})
    assert run(hosts, tmp_path, monkeypatch) == 0
    stopped = [host for step, host in hosts.steps if step == "stop-etcd"]
    assert stopped[:2] == ["e-0", "e-2"]
    assert hosts.steps.index(("stop-etcd", "e-2")) < hosts.steps.index(("deliver-etcd", "e-1"))


def test_a_lost_member_stops_it_before_anything_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = Recorded(ALL, lost="e-2")
    with pytest.raises(UserError, match=r"cannot be reached: e-2 \(No route to host\).*Nothing was changed"):
        run(hosts, tmp_path, monkeypatch)
    assert hosts.steps == []


def test_a_step_that_fails_stops_it_and_names_the_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = Recorded(ALL, broken="prepare")
    with pytest.raises(UserError, match="restore stopped at prepare: e-0: disk full"):
        run(hosts, tmp_path, monkeypatch)
    assert "stop-api" not in hosts.order()


def test_a_snapshot_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    snapshot = tmp_path / "s.db"
    with pytest.raises(UserError, match="no such snapshot"):
        restore.verified(snapshot)
    snapshot.write_bytes(b"data")
    with pytest.raises(UserError, match=r"s.db.sha256: missing"):
        restore.verified(snapshot)
    (tmp_path / "s.db.sha256").write_text("00  s.db\n")
    with pytest.raises(UserError, match="take another snapshot"):
        restore.verified(snapshot)


def test_members_agree_on_cluster_and_token_and_no_two_restores_share_one() -> None:
    one, two = (restore.variables(TOPOLOGY, "ab" * 32, stamp) for stamp in ("t1", "t2"))
    assert len({values["cluster"] for values in one.values()}) == 1
    assert {values["token"] for values in one.values()}.isdisjoint(values["token"] for values in two.values())
    assert one["e-0"]["url"] == "https://10.9.0.100:2380"


def test_a_service_that_does_not_end_by_itself_is_ended(tmp_path: Path) -> None:
    """An API server without its etcd takes minutes; the second stop finds it gone."""
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(
        '#!/bin/sh\necho "$1 $2" >>"$LOG"\ncase $1 in kill) : >"$LOG.killed" ;;\n'
        'stop) [ -e "$LOG.killed" ] || exec sleep 30 ;; esac\n'
    )
    systemctl.chmod(0o755)
    log = tmp_path / "log"
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(log), "PATIENCE": "1"}
    text = restore.script("stop-api")
    done = subprocess.run(["sh", "-c", text], env=environment, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["stop", "kill", "stop"]
