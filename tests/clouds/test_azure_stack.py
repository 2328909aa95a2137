"""Tests of `kubewright up` of a whole stack on emulated Azure: the stand-in plugin creates every resource."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import lifecycle
from lab.cloud.azure.deployer import environment_variables
from lab.cloud.azure.remaining import remaining_resources
from lab.cloud.azure.resources import SCALE_SET, Resources
from lab.cloud.running import MachineStates, RunningMachine
from lab.errors import LabError
from lab.plugins.azure_native.catalogue import KINDS
from lab.plugins.azure_native.subscription import Subscription
from testkit.state import is_kept
from testkit.wait import eventually
from tests.clouds.stack import CloudStack, copy_of_stack

STACK, EXAMPLE = "kwazstack", "azure-lab"
NETWORK, EXAMPLE_NETWORK = "10.127.", "10.126."
SET = "general-1"
READY_SECONDS = 300
UP_SECONDS = 900
POOL_VERSION = KINDS["azure-native:compute:VirtualMachineScaleSet"].version


class Stack(CloudStack):
    """The stack on emulated Azure."""

    def machines(self) -> dict[str, RunningMachine]:
        """Return the nodes of the pool that Azure does not terminate, by name."""
        return {
            machine.hostname: machine
            for machine in MachineStates.of(STACK).all()
            if machine.group == SET and machine.lifecycle == "InService"
        }

    def is_healthy(self, workers: int) -> bool:
        """Check whether exactly the control plane and the nodes of the pool are Ready."""
        machines = self.machines()
        assert len(machines) == workers
        assert set(self.nodes_by_name()) == {"cp-1", *machines}
        return True

    def wait_until_healthy(self, workers: int) -> None:
        eventually("all nodes are Ready", lambda: self.is_healthy(workers), timeout=READY_SECONDS, interval=3)


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
    stack.wait_until_healthy(2)
    assert not stack.previewed_operations()


def test_nodes_have_the_data_of_the_cloud(stack: Stack) -> None:
    machines = {machine.hostname: machine for machine in MachineStates.of(STACK).all()}
    for name, node in stack.nodes_by_name().items():
        assert node["spec"]["providerID"] == f"azure://{machines[name].id}"
        assert node["metadata"]["labels"]["topology.kubernetes.io/zone"] == machines[name].zone
        assert node["status"]["addresses"][0]["address"] == machines[name].address


def test_lost_machine_is_replaced(stack: Stack) -> None:
    lost = next(iter(stack.machines().values()))
    lifecycle.stop(STACK, lost.host, kill=True)

    def replaced() -> bool:
        assert lost.hostname not in stack.machines()
        return stack.is_healthy(2)

    eventually("another machine is a Ready node", replaced, timeout=READY_SECONDS, interval=3)


def test_node_that_the_autoscaler_deletes_is_drained(stack: Stack) -> None:
    """Test the calls of the cluster autoscaler: a larger capacity, and the deletion of a chosen node."""
    variables = environment_variables(STACK)
    (scale_set,) = Resources.of(STACK).of_type(SCALE_SET)
    subscription = Subscription(scale_set.id.split("/")[2], variables)
    subscription.call("PATCH", scale_set.id, POOL_VERSION, {"sku": {"capacity": 3}})
    stack.wait_until_healthy(3)
    chosen = min(stack.machines())
    number = stack.machines()[chosen].id.rpartition("/")[2]
    subscription.call("POST", f"{scale_set.id}/delete", POOL_VERSION, {"instanceIds": [number]})

    def drained() -> bool:
        assert all(item.hostname != chosen for item in MachineStates.of(STACK).all())
        return stack.is_healthy(2)

    eventually("the node has left", drained, timeout=READY_SECONDS, interval=3)


def test_changed_setting_of_a_pool_replaces_its_machines(stack: Stack) -> None:
    before = stack.machines()
    stack.config["kubewright:cluster"]["pools"]["general"]["kubelet"] = {"max_pods": 90}
    stack.command("up", timeout=UP_SECONDS)
    stack.wait_until_healthy(2)
    assert not stack.machines().keys() & before.keys()
    workers = [node for name, node in stack.nodes_by_name().items() if name != "cp-1"]
    assert {node["status"]["capacity"]["pods"] for node in workers} == {"90"}
    assert not stack.previewed_operations()


def test_down_leaves_nothing(stack: Stack) -> None:
    assert remaining_resources(STACK)
    result = stack.command("down", timeout=UP_SECONDS)
    assert f"{STACK}: nothing remains in the emulated cloud" in result.text
    with pytest.raises(LabError, match="there is no lab of that name"):
        lifecycle.load(STACK)
    assert STACK not in Path("/etc/hosts").read_text()
