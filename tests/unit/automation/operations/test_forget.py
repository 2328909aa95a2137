"""`forget`: what it leaves of a state, and whom it asks."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from testkit.bundles import cluster

from automation.errors import UserError
from automation.operations.remote import Answer
from automation.operations.remove_host import remove_host, without
from automation.operations.target import Target

URN = "urn:pulumi:ha::kubewright::command:remote:Command::"


def command(name: str, **more: object) -> dict[str, object]:
    inputs = {"create": "begin etcd\n", "stdin": "secret"}
    return {"urn": f"{URN}{name}", "type": "command:remote:Command", "inputs": inputs, **more}


def state() -> dict[str, Any]:
    gone = f"{URN}e-9-etcd"
    other = {
        "urn": "urn:pulumi:ha::kubewright::kubewright:index:Etcd::e-9-etcd",
        "type": "kubewright:index:Etcd",
    }
    later = command(
        "cp-1-control-plane",
        dependencies=[gone, f"{URN}e-0-etcd"],
        propertyDependencies={"create": [gone], "stdin": None},
        deletedWith=gone,
    )
    resources = [command("e-0-etcd"), command("e-9-etcd"), other, later]
    return {"version": 3, "deployment": {"manifest": {}, "resources": resources}}


def test_a_state_without_a_host_refers_to_it_nowhere() -> None:
    found = without(state(), {"e-9-etcd"})
    names = [resource["urn"].rpartition("::")[2] for resource in found["deployment"]["resources"]]
    assert names == ["e-0-etcd", "e-9-etcd", "cp-1-control-plane"]
    assert f"{URN}e-9-etcd" not in json.dumps(found)
    later = found["deployment"]["resources"][-1]
    assert later["dependencies"] == [f"{URN}e-0-etcd"]
    assert found["version"] == 3


class Hosts:
    def __init__(self, *silent: str) -> None:
        self.silent, self.asked = silent, list[tuple[str, str]]()

    def run(self, host: str, script: str, **_: object) -> Answer:
        self.asked.append((host, script))
        return (
            Answer(host, 255, "", "no route", reached=False)
            if host in self.silent
            else Answer(host, 0, "", "")
        )


def target(hosts: Hosts, kept: list[str]) -> Target:
    engine = SimpleNamespace(
        select=lambda: None,
        capture=lambda *_: json.dumps(state()),
        restore=kept.append,
        workspace=SimpleNamespace(stack="ha"),
    )
    values: dict[str, Any] = {"stack": "ha", "environment": None, "settings": None}
    return Target(**values, topology=cluster(etcd=3), remote=cast(Any, hosts), engine=cast(Any, engine))


def test_another_member_takes_it_out() -> None:
    hosts, kept = Hosts("e-0"), list[str]()
    remove_host(target(hosts, kept), "e-9")
    assert [host for host, script in hosts.asked if script.endswith("etcd-member forget e-9")] == [
        "e-0",
        "e-1",
    ]
    assert len(kept) == 1
    assert f"{URN}e-9-etcd" not in kept[0]


def test_nothing_is_forgotten_when_nobody_can_take_it_out() -> None:
    kept = list[str]()
    with pytest.raises(UserError, match="no host could take e-9 out of etcd: e-0: no route"):
        remove_host(target(Hosts("e-0", "e-1", "e-2"), kept), "e-9")
    assert kept == []


def test_a_host_of_the_stack_file_is_not_forgotten() -> None:
    with pytest.raises(UserError, match="e-0: still in the stack file"):
        remove_host(target(Hosts(), []), "e-0")
    with pytest.raises(UserError, match="x: nothing was ever delivered"):
        remove_host(target(Hosts(), []), "x")
