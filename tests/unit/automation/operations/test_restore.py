"""Tests of the order of restore steps, with fake hosts that record the steps."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from automation.deliveries import Delivery
from automation.errors import UserError
from automation.operations import restore
from automation.operations.remote import ScriptResult
from automation.operations.target import Target
from testkit.bundles import cluster
from topology.model import Role

TOPOLOGY = cluster(etcd=3, workers=1)


class RecordingHosts:
    """Fake hosts that record their steps, as pairs (step or role, host)."""

    def __init__(self, roles: dict[str, list[str]], unreachable: str = "", failing_step: str = "") -> None:
        self.roles, self.unreachable, self.failing_step = roles, unreachable, failing_step
        self.steps: list[tuple[str, str]] = []

    def run_on_all(
        self, hosts: Iterable[str], script: str | Mapping[str, str], **_: object
    ) -> dict[str, ScriptResult]:
        return {host: self.run(host, script if isinstance(script, str) else script[host]) for host in hosts}

    def run(self, host: str, script: str, **_: object) -> ScriptResult:
        if host == self.unreachable:
            return ScriptResult(host, 255, "", "No route to host", reached=False)
        if script == "true":
            return ScriptResult(host, 0, "", "")
        if script.startswith("for role in"):
            return ScriptResult(host, 0, "\n".join(self.roles[host]), "")
        step = script.split("step=", 1)[1].split()[0] if script.startswith("step=") else script
        self.steps.append((step, host))
        if step == self.failing_step:
            return ScriptResult(host, 1, "", "disk full")
        return ScriptResult(host, 0, "no", "")

    def send(self, host: str, script: str, source: Path, **_: object) -> ScriptResult:
        return self.run(host, script)

    def step_order(self) -> list[str]:
        """Return the steps in their order, without repetitions."""
        return list(dict.fromkeys(step for step, _ in self.steps))


ALL_ROLES = {machine.name: [role.value for role in machine.roles] for machine in TOPOLOGY.machines}


def run_restore(hosts: RecordingHosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    snapshot = tmp_path / "s.db"
    snapshot.write_bytes(b"data")
    (tmp_path / "s.db.sha256").write_text(sha256(b"data").hexdigest() + "  s.db\n")
    deliveries = [
        Delivery(machine.name, role, f"deliver-{role.value}", "")
        for machine in TOPOLOGY.machines
        for role in machine.roles
    ]
    monkeypatch.setattr(restore, "load_deliveries", lambda _: deliveries)
    nodes = tuple(machine.name for machine in TOPOLOGY.machines if Role.NODE in machine.roles)
    target = SimpleNamespace(
        topology=TOPOLOGY,
        remote=hosts,
        engine=None,
        hosts=tuple(ALL_ROLES),
        with_role=lambda role: nodes if role is Role.NODE else (),
    )
    return restore.restore(cast(Target, target), snapshot)


ALL_STEPS = [
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


def test_services_stop_after_all_members_have_the_new_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = RecordingHosts(ALL_ROLES)
    assert run_restore(hosts, tmp_path, monkeypatch) == 0
    assert hosts.step_order() == [*ALL_STEPS, "restart-kubelet"]
    for step in ("prepare", "stop-etcd", "swap", "wait-etcd"):
        assert sorted(host for recorded, host in hosts.steps if recorded == step) == ["e-0", "e-1", "e-2"]
    stopped = hosts.steps.index(("stop-etcd", "e-0"))
    assert hosts.steps.index(("stop-api", "cp-1")) < stopped < hosts.steps.index(("swap", "e-0"))


def test_empty_hosts_are_installed_during_the_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = RecordingHosts({name: [] for name in ALL_ROLES})
    assert run_restore(hosts, tmp_path, monkeypatch) == 0
    assert hosts.step_order() == [
        "deliver-etcd",
        *["have", "receive", "prepare", "stop-etcd", "swap", "start-etcd", "wait-etcd"],
        "deliver-control-plane",
        "deliver-node",
    ]


def test_running_members_stop_before_an_empty_member_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = RecordingHosts({**ALL_ROLES, "e-1": []})
    assert run_restore(hosts, tmp_path, monkeypatch) == 0
    stopped = [host for step, host in hosts.steps if step == "stop-etcd"]
    assert stopped[:2] == ["e-0", "e-2"]
    assert hosts.steps.index(("stop-etcd", "e-2")) < hosts.steps.index(("deliver-etcd", "e-1"))


def test_unreachable_member_fails_before_any_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = RecordingHosts(ALL_ROLES, unreachable="e-2")
    with pytest.raises(UserError, match=r"cannot be reached: e-2 \(No route to host\).*Nothing was changed"):
        run_restore(hosts, tmp_path, monkeypatch)
    assert hosts.steps == []


def test_failed_step_stops_the_restore_and_names_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = RecordingHosts(ALL_ROLES, failing_step="prepare")
    with pytest.raises(UserError, match="restore stopped at prepare: e-0: disk full"):
        run_restore(hosts, tmp_path, monkeypatch)
    assert "stop-api" not in hosts.step_order()


def test_damaged_snapshot_is_rejected(tmp_path: Path) -> None:
    snapshot = tmp_path / "s.db"
    with pytest.raises(UserError, match="no such snapshot"):
        restore.verify_snapshot(snapshot)
    snapshot.write_bytes(b"data")
    with pytest.raises(UserError, match=r"s.db.sha256: missing"):
        restore.verify_snapshot(snapshot)
    (tmp_path / "s.db.sha256").write_text("00  s.db\n")
    with pytest.raises(UserError, match="use another snapshot"):
        restore.verify_snapshot(snapshot)


def test_members_share_a_token_that_is_unique_to_the_restore() -> None:
    one, two = (restore.member_variables(TOPOLOGY, "ab" * 32, stamp) for stamp in ("t1", "t2"))
    assert len({values["cluster"] for values in one.values()}) == 1
    assert {values["token"] for values in one.values()}.isdisjoint(values["token"] for values in two.values())
    assert one["e-0"]["url"] == "https://10.9.0.100:2380"


def test_service_that_does_not_stop_is_killed(tmp_path: Path) -> None:
    """An API server without etcd takes minutes to stop. The second stop succeeds at once."""
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(
        '#!/bin/sh\necho "$1 $2" >>"$LOG"\ncase $1 in kill) : >"$LOG.killed" ;;\n'
        'stop) [ -e "$LOG.killed" ] || exec sleep 30 ;; esac\n'
    )
    systemctl.chmod(0o755)
    log = tmp_path / "log"
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(log), "STOP_SECONDS": "1"}
    text = restore.step_script("stop-api")
    completed = subprocess.run(
        ["sh", "-c", text], env=environment, capture_output=True, text=True, timeout=20
    )
    assert completed.returncode == 0, completed.stderr
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["stop", "kill", "stop"]
