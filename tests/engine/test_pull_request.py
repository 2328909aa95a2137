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
from tests.engine.stack import OfflineStack


@pytest.fixture
def server() -> Iterator[forges.ForgeServer]:
    with forges.serve_forges() as server:
        server.may_read_account = False
        yield server


@pytest.fixture
def deployed_stack(machine: Machine) -> OfflineStack:
    stack = OfflineStack.from_checkout(machine, "dev")
    stack.up()
    return stack


@pytest.fixture
def pull_request(
    machine: Machine, deployed_stack: OfflineStack, server: forges.ForgeServer, tmp_path: Path
) -> PullRequest:
    def run(command: str, *words: str, check: bool = True) -> CommandResult:
        file = machine.write_stack_file("dev", deployed_stack.config)
        return machine.command(command, "--stack", "dev", "--file", str(file), *words, check=check)

    def comment(*words: str, check: bool = True) -> CommandResult:
        return machine.command(*words, check=check, GITHUB_TOKEN=forges.TOKEN)

    return PullRequest("dev", run, comment, server, tmp_path)


def test_pull_request_from_opening_to_merge(pull_request: PullRequest, deployed_stack: OfflineStack) -> None:
    workers = deployed_stack.config[CLUSTER]["pools"]["workers"]
    workers["kubelet"] = {"max_pods": 97}
    opened = pull_request.push()
    assert '"maxPods": 97' in opened
    assert "w-1" in opened
    assert forges.TOKEN not in opened
    stale = Path(shutil.copy(pull_request.plan, pull_request.directory / "stale.json"))

    workers["kubelet"] = {"max_pods": 98}
    changed = pull_request.push()
    assert '"maxPods": 98' in changed
    assert '"maxPods": 97' not in changed

    refused = pull_request.merge(stale, check=False)
    assert refused.code == 1, "the plan of another change was applied"
    pull_request.merge()
    assert "no changes" in pull_request.push()


def test_invalid_settings_are_a_comment_with_the_errors(
    pull_request: PullRequest, deployed_stack: OfflineStack
) -> None:
    deployed_stack.config[CLUSTER]["network"]["mtu"] = "wide"
    output = pull_request.push(check=False)
    assert "kubewright:cluster.network.mtu" in output
    assert "Traceback" not in output


@pytest.mark.release
def test_violation_is_a_comment_and_stops_the_update(
    pull_request: PullRequest, deployed_stack: OfflineStack
) -> None:
    deployed_stack.config[CLUSTER]["environment"] = "production"
    deployed_stack.config[CLUSTER]["network"]["api_allowed"] = ["0.0.0.0/0"]
    output = pull_request.push(check=False)
    assert "no-open-api" in output
    assert not pull_request.plan.exists(), "a plan exists for a violation"
    assert pull_request.run("up", "--policy", check=False).code == 1
