"""Tests of `destroy` with unreachable hosts, on states and without an engine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from automation.engine.program import Engine
from automation.stacks import teardown
from automation.stacks.events import Message
from automation.stacks.result import Action, Outcome, Result

PREFIX = "urn:pulumi:s::kubewright::"
HOST_UNREACHABLE = "deleting: after 2 failed attempts: dial tcp 10.0.0.1:22: i/o timeout"
COMMAND = "kubewright:index:Cluster$command:remote:Command"
TYPES = {
    "ca": "tls:index:PrivateKey",
    "cluster": "kubewright:index:Cluster",
    "plugin": "pulumi:providers:command",
}


def urn(name: str) -> str:
    return f"{PREFIX}{TYPES.get(name, COMMAND)}::{name}"


def resource(name: str, *dependencies: str, **more: object) -> dict[str, Any]:
    return {
        "urn": urn(name),
        "type": TYPES.get(name, "command:remote:Command"),
        "custom": name != "cluster",
        "parent": urn("cluster") if name not in TYPES else None,
        "dependencies": [urn(each) for each in dependencies],
        "propertyDependencies": {"stdin": [urn(each) for each in dependencies], "create": None},
        **more,
    }


def state() -> dict[str, Any]:
    """Return the state of a complete cluster with two control planes and a worker."""
    resources = [
        resource("plugin"),
        resource("ca"),
        resource("cluster", "ca"),
        resource("cp-1-etcd", "ca"),
        resource("cp-2-etcd", "ca"),
        resource("cp-1-control-plane", "ca", "cp-1-etcd", "cp-2-etcd"),
        resource("w-1-node", "ca", "cp-1-control-plane", deletedWith=urn("ca")),
        resource("cluster-farewell", "w-1-node"),
    ]
    return {"version": 3, "deployment": {"resources": resources}}


class SimulatedEngine:
    """An engine whose `destroy` deletes dependents first and cannot reach some hosts.

    `unreachable` maps the names of commands to the number of runs in which their hosts are unreachable.
    """

    def __init__(self, unreachable: Mapping[str, int]) -> None:
        self.state = state()
        self.unreachable = dict(unreachable)
        self.runs = 0
        self.workspace = SimpleNamespace(stack="s", directory=Path("/nowhere"), config={})

    def capture(self, *_: str) -> str:
        return json.dumps(self.state)

    def import_state(self, text: str) -> None:
        self.state = json.loads(text)

    def destroy(self) -> Result:
        self.runs += 1
        assert self.runs < 10
        resources: list[dict[str, Any]] = self.state["deployment"]["resources"]
        kept: set[str] = set()
        errors = []
        for each in reversed(list(resources)):
            name = each["urn"].rpartition("::")[2]
            if each["urn"] in kept:
                pass
            elif self.unreachable.get(name, 0) > 0:
                self.unreachable[name] -= 1
                errors.append(Message(severity="error", text=HOST_UNREACHABLE, urn=each["urn"]))
            else:
                resources.remove(each)
                continue
            kept |= {each["urn"], each["parent"], *each["dependencies"]}
        return Result(
            stack="s",
            action=Action.DESTROY,
            outcome=Outcome.FAILED if errors else Outcome.CHANGES,
            events=tuple(errors),
            changes={"delete": 1},
            seconds=1,
        )


def destroy(engine: SimulatedEngine) -> Result:
    return teardown.destroy(cast(Engine, engine), engine.destroy, print)


def remaining(engine: SimulatedEngine) -> list[str]:
    names = [each["urn"].rpartition("::")[2] for each in engine.state["deployment"]["resources"]]
    return [name for name in names if name != "plugin"]


ALWAYS = 99


@pytest.mark.parametrize(
    ("unreachable", "expected", "runs"),
    [
        ([], [], 1),
        (["w-1-node"], ["cluster", "w-1-node"], 2),
        (["cp-2-etcd"], ["cluster", "cp-2-etcd"], 2),
        # The roles of a host keep their order for a later `destroy`.
        (["cp-1-control-plane"], ["cluster", "cp-1-etcd", "cp-1-control-plane"], 2),
        # The first run does not delete the control plane, because `cluster-farewell` depends on everything.
        (
            ["cluster-farewell", "cp-1-control-plane"],
            ["cluster", "cp-1-etcd", "cp-1-control-plane", "cluster-farewell"],
            3,
        ),
    ],
)
def test_all_resources_except_those_of_unreachable_hosts_are_deleted(
    unreachable: Sequence[str], expected: list[str], runs: int
) -> None:
    engine = SimulatedEngine(dict.fromkeys(unreachable, ALWAYS))
    result = destroy(engine)
    assert remaining(engine) == expected
    assert engine.runs == runs
    assert result.outcome is (Outcome.FAILED if unreachable else Outcome.CHANGES)
    assert result.changes == {"delete": runs}


def test_a_host_that_is_reachable_again_is_deleted_in_the_second_run() -> None:
    engine = SimulatedEngine({"w-1-node": 1})
    assert destroy(engine).outcome is Outcome.CHANGES
    assert remaining(engine) == []


def test_a_failed_reset_keeps_the_resources_that_the_host_needs() -> None:
    """A reachable host may need the API for its drain, so all references remain in the state."""
    message = Message(
        severity="error", text='Process exited with status 1: running "…":\n', urn=urn("w-1-node")
    )
    failed = Result(stack="s", action=Action.DESTROY, outcome=Outcome.FAILED, events=(message,))
    engine = SimulatedEngine({})
    assert teardown.destroy(cast(Engine, engine), lambda: failed, print) is failed
    assert engine.state == state()


def test_commands_of_an_unreachable_host_keep_only_references_to_each_other() -> None:
    before = state()
    kept = teardown.commands_of_same_hosts(before, [urn("cp-1-control-plane")])
    assert kept == {urn("cp-1-control-plane"), urn("cp-1-etcd")}
    after = teardown.without_dependencies(before, kept)
    resources = {each["urn"]: each for each in after["deployment"]["resources"]}
    control_plane = resources[urn("cp-1-control-plane")]
    assert control_plane["dependencies"] == [urn("cp-1-etcd")]
    assert control_plane["propertyDependencies"] == {"stdin": [urn("cp-1-etcd")], "create": []}
    assert control_plane["parent"] == urn("cluster")
    assert resources[urn("cluster")]["dependencies"] == []
    assert resources[urn("w-1-node")] == resource(
        "w-1-node", "ca", "cp-1-control-plane", deletedWith=urn("ca")
    )
    worker = teardown.without_dependencies(before, [urn("w-1-node")])["deployment"]["resources"][6]
    assert "deletedWith" not in worker


def test_message_names_the_remaining_resources_and_the_next_command() -> None:
    remaining_state = state()
    keep = ("plugin", "cluster", "cp-1-etcd", "cp-1-control-plane", "cluster-farewell")
    remaining_state["deployment"]["resources"] = [
        each for each in remaining_state["deployment"]["resources"] if each["urn"].rpartition("::")[2] in keep
    ]
    assert teardown.describe_remaining_resources("s", remaining_state) == (
        "stack s: not deleted: cp-1 (cp-1-control-plane, cp-1-etcd), cluster-farewell; "
        "when the hosts are reachable, run `kubewright destroy --stack s` again; for a host that is lost, "
        "first run `kubewright remove-host --stack s --host cp-1`"
    )
    remaining_state["deployment"]["resources"] = [resource("plugin"), resource("cluster")]
    assert teardown.describe_remaining_resources("s", remaining_state) == ""
    assert teardown.describe_remaining_resources("s", {"deployment": None}) == ""
    remaining_state["deployment"]["resources"] = [resource("ca")]
    assert teardown.describe_remaining_resources("s", remaining_state) == (
        "stack s: not deleted: ca; run `kubewright destroy --stack s` again"
    )
