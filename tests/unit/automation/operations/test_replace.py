"""`replace`, with hosts that answer as they are told to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from testkit.bundles import cluster

from automation.errors import UserError
from automation.operations.remote import Answer
from automation.operations.replace import replace
from automation.operations.target import Target
from topology.model import Role, Topology


@dataclass
class Hosts:
    """Answers by the host and a piece of what is asked; everything else succeeds without a word."""

    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def run(self, host: str, script: str, **_: object) -> Answer:
        self.asked.append((host, script))
        for (name, piece), answer in self.answers.items():
            if name == host and piece in script:
                return answer
        return Answer(host, 0, "", "")

    def everywhere(self, hosts: list[str], script: str, **_: object) -> dict[str, Answer]:
        return {host: self.run(host, script) for host in hosts}

    def did(self, piece: str) -> list[str]:
        return [host for host, script in self.asked if piece in script]

    def at(self, piece: str) -> int:
        return next(number for number, (_, script) in enumerate(self.asked) if piece in script)


def target(plan: Topology, hosts: Hosts) -> Target:
    resources = [
        {
            "urn": f"urn:pulumi:ha::kubewright::command:remote:Command::{machine.name}-{role.value}",
            "type": "command:remote:Command",
            "inputs": {"create": f"begin {role.value}\n", "stdin": "secret"},
        }
        for machine in plan.machines
        for role in machine.roles
    ]
    state = json.dumps({"deployment": {"resources": resources}})
    engine = SimpleNamespace(
        select=lambda: None, capture=lambda *_: state, workspace=SimpleNamespace(stack="ha")
    )
    values: dict[str, Any] = {"stack": "ha", "environment": None, "settings": None}
    return Target(**values, topology=plan, remote=cast(Any, hosts), engine=cast(Any, engine))


def test_an_empty_machine_becomes_the_lost_host() -> None:
    plan, hosts = cluster(etcd=3), Hosts()
    worker = next(machine.name for machine in plan.machines if machine.roles == (Role.NODE,))
    assert replace(target(plan, hosts), worker) == 0
    assert hosts.did(f"delete node {worker}") == ["cp-1"]
    assert hosts.did("begin node") == [worker]
    # The new Node has lost what only an administrator may give it.
    assert "kubewright.dev/applied" in hosts.asked[-1][1]
    assert hosts.at("delete node") < hosts.at("begin node")


def test_an_etcd_member_comes_back_through_the_others() -> None:
    plan, hosts = cluster(etcd=3), Hosts()
    assert replace(target(plan, hosts), "e-0") == 0
    assert hosts.did("etcd-member ready") == ["e-1", "e-2"]
    assert hosts.did("begin etcd") == ["e-0"]
    assert hosts.did("delete node") == []


def test_without_a_quorum_of_the_others_nothing_is_touched() -> None:
    plan = cluster(etcd=3)
    silent = Answer("e-2", 255, "", "No route to host", reached=False)
    hosts = Hosts({("e-2", "etcd-member ready"): silent})
    with pytest.raises(UserError, match=r"1 of the other members serve and 2 are needed; not e-2 \(No route"):
        replace(target(plan, hosts), "e-0")
    assert hosts.did("begin etcd") == []


def test_a_host_that_is_not_empty_is_left_alone() -> None:
    hosts = Hosts({("e-0", "roles"): Answer("e-0", 0, "/var/lib/kubewright/roles/etcd/digest\n", "")})
    with pytest.raises(UserError, match="e-0: is not empty"):
        replace(target(cluster(etcd=3), hosts), "e-0")
    assert len(hosts.asked) == 1


def test_a_host_that_cannot_be_reached_and_one_that_is_unknown() -> None:
    lost = Answer("e-0", 255, "", "Host key verification failed.", reached=False)
    with pytest.raises(UserError, match=r"e-0: cannot be reached: Host key verification failed.*ssh-keyscan"):
        replace(target(cluster(etcd=3), Hosts({("e-0", "roles"): lost})), "e-0")
    with pytest.raises(UserError, match="nobody: nothing was ever delivered to it"):
        replace(target(cluster(), Hosts()), "nobody")


def test_a_delivery_that_fails_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    hosts = Hosts({("e-0", "begin etcd"): Answer("e-0", 1, "", "kubewright: e-0: not taken in")})
    assert replace(target(cluster(etcd=3), hosts), "e-0") == 1
    assert "kubewright repair --host e-0" in capsys.readouterr().out
