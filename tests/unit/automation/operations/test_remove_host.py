"""Tests of `remove-host`: the resulting state, and the hosts that run the removal."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from automation.errors import UserError
from automation.operations.remote import ScriptResult
from automation.operations.remove_host import remove_commands, remove_host
from automation.operations.target import Target
from automation.signatures import SECRET_SIGNATURE, SIGNATURE
from testkit.bundles import cluster

URN = "urn:pulumi:ha::kubewright::command:remote:Command::"


def command(name: str, **more: object) -> dict[str, object]:
    inputs = {"create": "begin etcd\n", "stdin": "secret"}
    return {"urn": f"{URN}{name}", "type": "command:remote:Command", "inputs": inputs, **more}


def exported_state() -> dict[str, Any]:
    removed = f"{URN}e-9-etcd"
    other = {
        "urn": "urn:pulumi:ha::kubewright::kubewright:index:Etcd::e-9-etcd",
        "type": "kubewright:index:Etcd",
    }
    later = command(
        "cp-1-control-plane",
        dependencies=[removed, f"{URN}e-0-etcd"],
        propertyDependencies={"create": [removed], "stdin": None},
        deletedWith=removed,
    )
    authority = {
        "urn": "urn:pulumi:ha::kubewright::tls:index:PrivateKey::etcd-ca",
        "type": "tls:index:PrivateKey",
    }
    resources = [authority, command("e-0-etcd"), command("e-9-etcd"), other, later]
    return {"version": 3, "deployment": {"manifest": {}, "resources": resources}}


def test_state_contains_no_references_to_the_removed_host() -> None:
    result = remove_commands(exported_state(), {"e-9-etcd"})
    names = [resource["urn"].rpartition("::")[2] for resource in result["deployment"]["resources"]]
    assert names == ["etcd-ca", "e-0-etcd", "e-9-etcd", "cp-1-control-plane"]
    assert f"{URN}e-9-etcd" not in json.dumps(result)
    later = result["deployment"]["resources"][-1]
    assert later["dependencies"] == [f"{URN}e-0-etcd"]
    assert result["version"] == 3


class FakeHosts:
    """Fake hosts that record the scripts that they run, as pairs (host, script).

    Every script succeeds, except on the hosts in `unreachable`.
    """

    def __init__(self, *unreachable: str) -> None:
        self.unreachable, self.calls = unreachable, list[tuple[str, str]]()

    def run(self, host: str, script: str, **_: object) -> ScriptResult:
        self.calls.append((host, script))
        return (
            ScriptResult(host, 255, "", "no route", reached=False)
            if host in self.unreachable
            else ScriptResult(host, 0, "", "")
        )


def target_with(hosts: FakeHosts, imported: list[str], state: dict[str, Any] | None = None) -> Target:
    engine = SimpleNamespace(
        select=lambda: None,
        export_state=lambda: state or exported_state(),
        capture=lambda *_: json.dumps(state or exported_state()),
        import_state=imported.append,
        workspace=SimpleNamespace(stack="ha"),
    )
    values: dict[str, Any] = {"stack": "ha", "environment": None, "settings": None}
    return Target(**values, topology=cluster(etcd=3), remote=cast(Any, hosts), engine=cast(Any, engine))


def test_another_etcd_member_removes_it() -> None:
    hosts, imported = FakeHosts("e-0"), list[str]()
    remove_host(target_with(hosts, imported), "e-9")
    assert [host for host, script in hosts.calls if script.endswith("etcd-member forget e-9")] == [
        "e-0",
        "e-1",
    ]
    assert len(imported) == 1
    assert f"{URN}e-9-etcd" not in imported[0]


def test_state_is_unchanged_if_no_host_can_remove_it() -> None:
    imported = list[str]()
    with pytest.raises(UserError, match="no host could remove e-9 from etcd: e-0: no route"):
        remove_host(target_with(FakeHosts("e-0", "e-1", "e-2"), imported), "e-9")
    assert imported == []


def test_host_of_the_stack_file_is_rejected() -> None:
    with pytest.raises(UserError, match="e-0: still in the stack file"):
        remove_host(target_with(FakeHosts(), []), "e-0")
    with pytest.raises(UserError, match="x: not in the state"):
        remove_host(target_with(FakeHosts(), []), "x")


def over_ssh(name: str, address: str, **proxy: object) -> dict[str, object]:
    connection = {"host": address, "port": 22, **({"proxy": proxy} if proxy else {})}
    secret = {SIGNATURE: SECRET_SIGNATURE, "plaintext": json.dumps(connection)}
    return {**command(name), "inputs": {"create": "begin etcd\n", "stdin": "secret", "connection": secret}}


def test_lost_host_of_a_destroyed_cluster_is_removed_without_other_hosts() -> None:
    """No other host exists that could remove the member. Commands of an administrator on the host also
    remain.
    """
    commands = [
        over_ssh("e-1-etcd", "10.0.0.2"),
        over_ssh("e-0-etcd", "10.0.0.1"),
        over_ssh("cluster-farewell", "10.0.0.1"),
        over_ssh("e-2-etcd", "10.0.0.1", host="bastion"),
    ]
    hosts, imported = FakeHosts(), list[str]()
    remove_host(target_with(hosts, imported, {"deployment": {"resources": commands}}), "e-0")
    assert hosts.calls == []
    (state,) = map(json.loads, imported)
    names = [resource["urn"].rpartition("::")[2] for resource in state["deployment"]["resources"]]
    assert names == ["e-1-etcd", "e-2-etcd"]
