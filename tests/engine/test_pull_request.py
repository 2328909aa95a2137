"""Test of a pull request from opening to merge, with the real engine and an emulated forge."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit import forges
from testkit.offline.machine import Machine
from testkit.process import CommandResult
from testkit.pull_request import PullRequest
from testkit.stackfile import CLUSTER
from tests.engine.stack import Stack


@pytest.fixture
def server() -> Iterator[forges.ForgeServer]:
    with forges.serving() as server:
        server.may_read_account = False
        yield server


@pytest.fixture
def stack(machine: Machine) -> Stack:
    stack = Stack.from_checkout(machine, "dev")
    stack.up()
    return stack


@pytest.fixture
def request_(machine: Machine, stack: Stack, server: forges.ForgeServer, tmp_path: Path) -> PullRequest:
    def run(command: str, *words: str, check: bool = True) -> CommandResult:
        file = machine.file("dev", stack.config)
        return machine.command(command, "--stack", "dev", "--file", str(file), *words, check=check)

    def comment(*words: str, check: bool = True) -> CommandResult:
        return machine.command(*words, check=check, GITHUB_TOKEN=forges.TOKEN)

    return PullRequest("dev", run, comment, server, tmp_path)


def test_pull_request_from_opening_to_merge(request_: PullRequest, stack: Stack) -> None:
    workers = stack.config[CLUSTER]["pools"]["workers"]
    workers["kubelet"] = {"max_pods": 97}
    opened = request_.push()
    assert '"maxPods": 97' in opened
    assert "w-1" in opened
    assert forges.TOKEN not in opened
    stale = Path(shutil.copy(request_.plan, request_.directory / "stale.json"))

    workers["kubelet"] = {"max_pods": 98}
    changed = request_.push()
    assert '"maxPods": 98' in changed
    assert '"maxPods": 97' not in changed

    refused = request_.merge(stale, check=False)
    assert refused.code == 1, "the plan of another change was applied"
    request_.merge()
    assert "no changes" in request_.push()


def test_invalid_settings_are_a_comment_with_the_errors(request_: PullRequest, stack: Stack) -> None:
    stack.config[CLUSTER]["network"]["mtu"] = "wide"
    output = request_.push(check=False)
    assert "kubewright:cluster.network.mtu" in output
    assert "Traceback" not in output


def test_violation_is_a_comment_and_stops_the_update(request_: PullRequest, stack: Stack) -> None:
    stack.config[CLUSTER]["environment"] = "production"
    output = request_.push(check=False)
    assert "no-open-api" in output
    assert not request_.plan.exists(), "a plan exists for a violation"
    assert request_.run("up", "--policy", check=False).code == 1
