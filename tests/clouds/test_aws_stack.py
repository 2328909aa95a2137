"""Tests of `kubewright up` of a whole stack on emulated AWS: the stand-in plugin creates every resource."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import lifecycle
from lab.cloud.aws.clients import client
from lab.cloud.aws.deployer import environment_variables
from lab.cloud.aws.remaining import remaining_resources
from lab.cloud.running import MachineStates
from lab.errors import LabError
from testkit.state import is_kept
from testkit.wait import eventually
from tests.clouds.stack import CloudStack, copy_of_stack

STACK, EXAMPLE = "kwstack", "aws-lab"
NETWORK, EXAMPLE_NETWORK = "10.125.", "10.124."
GROUP = f"{STACK}-pool-general"
READY_SECONDS = 300
UP_SECONDS = 900


class Stack(CloudStack):
    """The stack on emulated AWS."""

    def machines(self) -> set[str]:
        """Return the ids of the machines of the pool that the cloud does not terminate."""
        return {
            machine.id
            for machine in MachineStates.of(STACK).all()
            if machine.group == GROUP and machine.lifecycle == "InService"
        }

    def is_healthy(self, workers: int) -> bool:
        """Check whether exactly the control plane and the machines of the pool are Ready."""
        machines = self.machines()
        assert len(machines) == workers
        assert set(self.nodes_by_name()) == {"cp-1", *machines}
        return True


@pytest.fixture(scope="module")
def stack(state: Path) -> Iterator[Stack]:
    """Return the stack after its first `up`. Remove its lab at the end."""
    stack = Stack(STACK, state, copy_of_stack(EXAMPLE, STACK, EXAMPLE_NETWORK, NETWORK))
    try:
        stack.command("up", timeout=UP_SECONDS)
        yield stack
    finally:
        if not is_kept():
            lifecycle.down(STACK)


def test_up_creates_a_cluster_and_a_preview_is_empty(stack: Stack) -> None:
    eventually("all nodes are Ready", lambda: stack.is_healthy(2), timeout=READY_SECONDS, interval=3)
    assert not stack.previewed_operations()


def test_nodes_have_the_data_of_the_cloud(stack: Stack) -> None:
    machines = {machine.id: machine for machine in MachineStates.of(STACK).all()}
    for name, node in stack.nodes_by_name().items():
        machine = next(item for item in machines.values() if name in (item.id, item.host))
        assert node["spec"]["providerID"] == f"aws:///{machine.zone}/{machine.id}"
        assert node["metadata"]["labels"]["topology.kubernetes.io/zone"] == machine.zone
        assert node["status"]["addresses"][0]["address"] == machine.address


def test_lost_machine_is_replaced(stack: Stack) -> None:
    before = stack.machines()
    lost = next(item for item in MachineStates.of(STACK).all() if item.id in before)
    lifecycle.stop(STACK, lost.host, kill=True)

    def replaced() -> bool:
        assert lost.id not in stack.machines()
        return stack.is_healthy(2)

    eventually("another machine is a Ready node", replaced, timeout=READY_SECONDS, interval=3)


def test_machine_that_the_autoscaler_terminates_is_drained(stack: Stack) -> None:
    """Test the calls of the cluster autoscaler: sizes within the limits, and the end of a chosen machine."""
    autoscaling = client("autoscaling", environment_variables(STACK))
    before = stack.machines()
    with pytest.raises(autoscaling.exceptions.ClientError, match="must be between 2 and 2"):
        autoscaling.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=3)
    chosen = min(before)
    autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=chosen, ShouldDecrementDesiredCapacity=False
    )

    def drained_and_replaced() -> bool:
        assert chosen not in stack.machines()
        assert all(item.id != chosen for item in MachineStates.of(STACK).all())
        return stack.is_healthy(2)

    eventually("the machine has left", drained_and_replaced, timeout=READY_SECONDS, interval=3)


def test_changed_setting_of_a_pool_replaces_its_machines(stack: Stack) -> None:
    before = stack.machines()
    stack.config["kubewright:cluster"]["pools"]["general"]["kubelet"] = {"max_pods": 90}
    stack.command("up", timeout=UP_SECONDS)
    eventually("all nodes are Ready", lambda: stack.is_healthy(2), timeout=READY_SECONDS, interval=3)
    assert not stack.machines() & before
    workers = [node for name, node in stack.nodes_by_name().items() if name != "cp-1"]
    assert {node["status"]["capacity"]["pods"] for node in workers} == {"90"}
    assert not stack.previewed_operations()


def test_down_leaves_nothing(stack: Stack) -> None:
    assert remaining_resources(environment_variables(STACK))
    result = stack.command("down", timeout=UP_SECONDS)
    assert f"{STACK}: nothing remains in the emulated cloud" in result.text
    with pytest.raises(LabError, match="there is no lab of that name"):
        lifecycle.load(STACK)
    assert STACK not in Path("/etc/hosts").read_text()
