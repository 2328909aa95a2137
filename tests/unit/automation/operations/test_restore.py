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
from nodeconfig.host_paths import STATE_DIRECTORY
from testkit.bundles import cluster
from topology.model import Role

TOPOLOGY = cluster(etcd=3, workers=1)


class RecordingHosts:
    """Fake hosts that record their steps, as pairs (step or role, host), and what runs on them.

    A step fails when the steps before it have not prepared its host: a restore in a wrong order fails. The
    step `failing_step` fails on the host `failing_host`, or on every host.
    """

    def __init__(
        self,
        roles: dict[str, list[str]],
        unreachable: str = "",
        failing_step: str = "",
        failing_host: str = "",
    ) -> None:
        self.roles, self.unreachable = roles, unreachable
        self.failing_step, self.failing_host = failing_step, failing_host
        self.steps: list[tuple[str, str]] = []
        self.running = {(host, role) for host, names in roles.items() for role in names}
        self.done: set[tuple[str, str]] = set()

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
        if step == self.failing_step and self.failing_host in ("", host):
            return ScriptResult(host, 1, "", "disk full")
        if problem := self._problem(step, host):
            return ScriptResult(host, 1, "", problem)
        self._change(step, host)
        return ScriptResult(host, 0, "yes" if (host, "receive") in self.done else "no", "")

    def _problem(self, step: str, host: str) -> str:
        """Return why a step cannot run on a host now; empty if it can."""
        running_roles = {role for _, role in self.running}
        healthy = len([name for name, done in self.done if done == "start-etcd"]) > len(TOPOLOGY.etcd) // 2
        required = {"prepare": "receive", "swap": "prepare", "start-etcd": "swap", "wait-etcd": "start-etcd"}
        if step in required and (host, required[step]) not in self.done:
            return f"{required[step]} did not run"
        if step == "swap" and running_roles & {"etcd", "control-plane"}:
            return "a program still uses the data"
        if step == "deliver-etcd" and [name for name, role in self.running - self.done if role == "etcd"]:
            return "members of the old cluster run"
        if step in ("wait-etcd", "start-api", "deliver-control-plane") and not healthy:
            return "etcd is not healthy"
        if step in ("restart-kubelet", "deliver-node") and "control-plane" not in running_roles:
            return "the API does not answer"
        return ""

    def _change(self, step: str, host: str) -> None:
        """Record what a step changes on a host."""
        self.done.add((host, step))
        if step.startswith("deliver-"):
            self.running.add((host, step.removeprefix("deliver-")))
            self.done.add((host, step.removeprefix("deliver-")))
        elif step == "start-api":
            self.running.add((host, "control-plane"))
        elif step.startswith("stop-"):
            self.running.discard((host, {"stop-api": "control-plane", "stop-etcd": "etcd"}[step]))

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
    monkeypatch.setattr(restore, "find_deliveries", lambda _: deliveries)
    nodes = tuple(machine.name for machine in TOPOLOGY.machines if Role.NODE in machine.roles)
    target = SimpleNamespace(
        topology=TOPOLOGY,
        remote=hosts,
        engine=SimpleNamespace(export_state=dict),
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


@pytest.mark.parametrize(
    ("roles", "step"),
    [(ALL_ROLES, "restart-kubelet"), ({**ALL_ROLES, "w-1": []}, "deliver-node")],
    ids=["installed", "empty"],
)
def test_failed_node_is_named_with_the_repair_command_and_the_restore_fails(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    roles: dict[str, list[str]],
    step: str,
) -> None:
    hosts = RecordingHosts(roles, failing_step=step, failing_host="w-1")
    assert run_restore(hosts, tmp_path, monkeypatch) == 1
    output = capsys.readouterr().out
    assert "w-1: disk full; fix the host, then run `kubewright repair --host w-1`" in output
    assert "restored, except the hosts above" in output


def test_host_whose_installation_was_interrupted_counts_as_empty(tmp_path: Path) -> None:
    """The host program creates the directory of a role first, and its digest when the role is complete."""
    for path in ("roles/etcd/digest", "roles/node/paths"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()

    class Remote:
        def run_on_all(self, hosts: Iterable[str], script: str, **_: object) -> dict[str, ScriptResult]:
            text = script.replace(STATE_DIRECTORY, str(tmp_path))
            completed = subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=20)
            return {host: ScriptResult(host, completed.returncode, completed.stdout, "") for host in hosts}

    target = SimpleNamespace(topology=TOPOLOGY, remote=Remote(), hosts=("cp-1",))
    deliveries = [Delivery("cp-1", role, "", "") for role in (Role.ETCD, Role.NODE)]
    hosts = restore.RestoreHosts(cast(Target, target), "00", "t")
    assert [delivery.role for delivery in hosts.missing_deliveries(deliveries)] == [Role.NODE]


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
