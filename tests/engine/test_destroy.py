"""Tests of `destroy` with the real engine: unreachable hosts, protected resources, and hosts that stop
responding.
"""

from __future__ import annotations

import json
import time

import pytest

from testkit.offline.command import FAIL_VARIABLE, SLOW_VARIABLE
from testkit.offline.machine import Machine
from testkit.process import CommandResult
from testkit.stackfile import CLUSTER, Document
from tests.engine.stack import OfflineStack

pytestmark = pytest.mark.release

HOST_UNREACHABLE = "after 2 failed attempts: dial tcp 10.89.0.21:22: i/o timeout"


def keep_one_worker(cluster: Document) -> None:
    """Remove the second worker and the releases of the stack dev."""
    hosts = cluster["metal"]["hosts"]
    cluster["metal"]["hosts"] = {"cp-1": hosts["cp-1"], "w-1": hosts["w-1"]}
    cluster["pools"] = {"workers": {"hosts": ["w-1"]}}
    cluster["helm_releases"] = {}


@pytest.fixture
def two_hosts(machine: Machine) -> OfflineStack:
    """Return a deployed stack with a control plane and a worker."""
    stack = OfflineStack.from_checkout(machine, "dev", keep_one_worker)
    stack.name = "two"
    stack.up()
    return stack


def run(stack: OfflineStack, *words: str, **variables: str) -> CommandResult:
    file = stack.machine.write_stack_file(stack.name, stack.config)
    command, *rest = words
    arguments = (command, "--stack", stack.name, "--file", str(file), *rest)
    return stack.machine.execute(arguments, check=False, variables=variables)


def remaining(stack: OfflineStack) -> list[str]:
    """Return the names of resources in the state, except components and plugins."""
    path = stack.machine.state / f"backend/.pulumi/stacks/kubewright/{stack.name}.json"
    deployment = json.loads(path.read_text())["checkpoint"]["latest"] or {}
    return sorted(
        resource["urn"].rpartition("::")[2]
        for resource in deployment.get("resources") or []
        if resource.get("custom") and not resource["type"].startswith("pulumi:")
    )


@pytest.mark.parametrize("lost", ["w-1", "cp-1"])
def test_only_the_resources_of_a_lost_host_remain(two_hosts: OfflineStack, lost: str) -> None:
    commands = {"w-1": ["w-1-node"], "cp-1": ["cp-1-control-plane", "cp-1-etcd", "cp-1-node"]}[lost]
    destroyed = run(two_hosts, "destroy", "--yes", **{FAIL_VARIABLE: f"{lost}-node={HOST_UNREACHABLE}"})
    assert destroyed.code == 1
    assert remaining(two_hosts) == commands
    assert f"not deleted: {lost} ({', '.join(commands)}); when the hosts are reachable" in destroyed.text
    assert f"`kubewright remove-host --stack two --host {lost}`" in destroyed.text
    assert "Traceback" not in destroyed.text

    removed = run(two_hosts, "remove-host", "--host", lost, "--yes")
    assert removed.code == 0, removed.text
    assert remaining(two_hosts) == []
    again = run(two_hosts, "destroy", "--yes")
    assert again.code == 0, again.text


def test_failed_reset_keeps_only_the_resources_that_the_host_needs(two_hosts: OfflineStack) -> None:
    error = 'Process exited with status 1: running "# node: reset":\\n'
    destroyed = run(two_hosts, "destroy", "--yes", **{FAIL_VARIABLE: f"w-1-node={error}"})
    assert destroyed.code == 1
    names = remaining(two_hosts)
    # The host may need the API when it is drained again, so its control plane remains.
    assert "w-1-node" in names
    assert "cp-1-control-plane" in names
    assert "cp-1-node" not in names
    assert "not deleted: " in destroyed.text
    assert run(two_hosts, "destroy", "--yes").code == 0


def test_destroy_refuses_a_stack_with_a_protected_resource_before_any_change(two_hosts: OfflineStack) -> None:
    file = two_hosts.machine.root / "state.json"
    assert run(two_hosts, "pulumi", "--", "stack", "export", "--file", str(file)).code == 0
    state = json.loads(file.read_text())
    for resource in state["deployment"]["resources"]:
        if resource["urn"].endswith("::cp-1-etcd"):
            resource["protect"] = True
    file.write_text(json.dumps(state))
    assert run(two_hosts, "pulumi", "--", "stack", "import", "--file", str(file)).code == 0
    before = remaining(two_hosts)
    refused = run(two_hosts, "destroy", "--yes")
    assert refused.code == 1
    assert "protected from deletion: cp-1-etcd; nothing was deleted" in refused.text
    assert remaining(two_hosts) == before
    assert run(two_hosts, "pulumi", "--", "state", "unprotect", "--all", "--yes").code == 0
    assert run(two_hosts, "destroy", "--yes").code == 0


def test_host_that_stops_responding_does_not_block_the_run_forever(two_hosts: OfflineStack) -> None:
    two_hosts.config[CLUSTER]["kubelet"] = {"max_pods": 77}
    for words in (["up"], ["destroy", "--yes"]):
        began = time.monotonic()
        stopped = run(two_hosts, *words, "--stall-timeout", "60", **{SLOW_VARIABLE: "w-1-node=3600"})
        assert time.monotonic() - began < 400
        assert stopped.code == 1
        assert "stopped, because no operation ended for 60 s; running operations: " in stopped.text
        assert "w-1-node" in stopped.text.partition("running operations: ")[2]
        assert "Traceback" not in stopped.text
        assert run(two_hosts, *words).code == 0
