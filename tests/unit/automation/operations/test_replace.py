"""Tests of `replace`, with fake hosts that return prepared results."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from automation.errors import UserError
from automation.operations.remote import ScriptResult
from automation.operations.replace import replace
from automation.operations.target import Target
from nodeconfig.host_paths import STATE_DIRECTORY
from testkit.bundles import cluster
from topology.model import Role, Topology


@dataclass
class FakeHosts:
    """Fake hosts. `results` maps a host and a part of a script to the result of scripts with this part.

    Scripts without an entry succeed without output.
    """

    results: dict[tuple[str, str], ScriptResult] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def run(self, host: str, script: str, **_: object) -> ScriptResult:
        self.calls.append((host, script))
        for (name, part), result in self.results.items():
            if name == host and part in script:
                return result
        return ScriptResult(host, 0, "", "")

    def run_on_all(self, hosts: list[str], script: str, **_: object) -> dict[str, ScriptResult]:
        return {host: self.run(host, script) for host in hosts}

    def hosts_that_ran(self, part: str) -> list[str]:
        return [host for host, script in self.calls if part in script]

    def position(self, part: str) -> int:
        return next(number for number, (_, script) in enumerate(self.calls) if part in script)


def target_with(topology: Topology, hosts: FakeHosts) -> Target:
    resources = [
        {
            "urn": f"urn:pulumi:ha::kubewright::command:remote:Command::{machine.name}-{role.value}",
            "type": "command:remote:Command",
            "inputs": {"create": f"begin {role.value}\n", "stdin": "secret"},
        }
        for machine in topology.machines
        for role in machine.roles
    ]
    state = {"deployment": {"resources": resources}}
    engine = SimpleNamespace(
        select=lambda: None, export_state=lambda: state, workspace=SimpleNamespace(stack="ha")
    )
    values: dict[str, Any] = {"stack": "ha", "environment": None, "settings": None}
    return Target(**values, topology=topology, remote=cast(Any, hosts), engine=cast(Any, engine))


def test_empty_machine_replaces_a_worker() -> None:
    topology, hosts = cluster(etcd=3), FakeHosts()
    worker = next(machine.name for machine in topology.machines if machine.roles == (Role.NODE,))
    assert replace(target_with(topology, hosts), worker) == 0
    assert hosts.hosts_that_ran(f"delete node {worker}") == ["cp-1"]
    assert hosts.hosts_that_ran("begin node") == [worker]
    # The new Node gets the labels that only an administrator can set.
    assert "kubewright.dev/applied" in hosts.calls[-1][1]
    assert hosts.position("delete node") < hosts.position("begin node")


def test_etcd_member_is_replaced_if_the_others_are_healthy() -> None:
    topology, hosts = cluster(etcd=3), FakeHosts()
    assert replace(target_with(topology, hosts), "e-0") == 0
    assert hosts.hosts_that_ran("etcd-member ready") == ["e-1", "e-2"]
    assert hosts.hosts_that_ran("begin etcd") == ["e-0"]
    assert hosts.hosts_that_ran("delete node") == []


def test_replace_requires_a_quorum_of_the_other_members() -> None:
    topology = cluster(etcd=3)
    unreachable = ScriptResult("e-2", 255, "", "No route to host", reached=False)
    hosts = FakeHosts({("e-2", "etcd-member ready"): unreachable})
    with pytest.raises(
        UserError, match=r"1 of the other members are healthy, 2 are needed; not healthy: e-2 \(No route"
    ):
        replace(target_with(topology, hosts), "e-0")
    assert hosts.hosts_that_ran("begin etcd") == []


def test_host_that_is_not_empty_is_rejected() -> None:
    hosts = FakeHosts(
        {("e-0", "roles"): ScriptResult("e-0", 0, "/var/lib/kubewright/roles/etcd/digest\n", "")}
    )
    with pytest.raises(UserError, match="e-0: not empty"):
        replace(target_with(cluster(etcd=3), hosts), "e-0")
    assert len(hosts.calls) == 1


@pytest.mark.parametrize(
    ("path", "empty"),
    [("roles/etcd/digest", False), ("roles/etcd/paths", True), ("artifacts/host.sh", True)],
    ids=["installed", "interrupted", "without-roles"],
)
def test_only_a_host_without_an_installed_role_is_empty(tmp_path: Path, path: str, empty: bool) -> None:
    """The script runs in a directory in the place of the state of the host."""
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).touch()

    class ScriptHosts(FakeHosts):
        def run(self, host: str, script: str, **_: object) -> ScriptResult:
            if not script.startswith("for role in"):
                return super().run(host, script)
            text = script.replace(STATE_DIRECTORY, str(tmp_path))
            completed = subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=20)
            return ScriptResult(host, completed.returncode, completed.stdout, completed.stderr)

    hosts = ScriptHosts()
    if empty:
        assert replace(target_with(cluster(etcd=3), hosts), "e-0") == 0
    else:
        with pytest.raises(UserError, match="e-0: not empty"):
            replace(target_with(cluster(etcd=3), hosts), "e-0")
        assert hosts.calls == []


def test_unreachable_and_unknown_hosts_are_errors() -> None:
    lost = ScriptResult("e-0", 255, "", "Host key verification failed.", reached=False)
    with pytest.raises(UserError, match=r"e-0: cannot be reached: Host key verification failed.*ssh-keyscan"):
        replace(target_with(cluster(etcd=3), FakeHosts({("e-0", "roles"): lost})), "e-0")
    with pytest.raises(UserError, match="unknown: not in the state"):
        replace(target_with(cluster(), FakeHosts()), "unknown")


def test_failed_delivery_names_the_repair_command(capsys: pytest.CaptureFixture[str]) -> None:
    hosts = FakeHosts(
        {("e-0", "begin etcd"): ScriptResult("e-0", 1, "", "kubewright: e-0: not added to the cluster")}
    )
    assert replace(target_with(cluster(etcd=3), hosts), "e-0") == 1
    assert "kubewright repair --host e-0" in capsys.readouterr().out
