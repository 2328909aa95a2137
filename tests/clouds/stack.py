"""A whole stack on an emulated cloud, for tests (`tests.clouds.stack_tests`)."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from lab import hosts, lifecycle
from lab.cloud.controller import is_uninitialized
from lab.cloud.running import MachineStates, RunningMachine
from lab.errors import LabError
from testkit.cluster import CHECKOUT, Cluster
from testkit.stackfile import Document
from testkit.state import is_kept
from testkit.wait import eventually

UP_SECONDS = 900
MEMBER = "cp-1"
_READY_SECONDS = 300


class CloudStack(Cluster):
    """A stack on an emulated cloud: a control plane `cp-1` and the pool `general`."""

    @abstractmethod
    def is_in_pool(self, machine: RunningMachine) -> bool:
        """Check whether a machine belongs to the pool."""

    @abstractmethod
    def node_name(self, machine: RunningMachine) -> str:
        """Return the name of the node of a machine of the pool."""

    @abstractmethod
    def provider_id(self, machine: RunningMachine) -> str:
        """Return the provider ID of a machine."""

    @abstractmethod
    def stored_keys(self) -> set[str]:
        """Return the keys of all objects in the store; in a store with versions also of deleted objects."""

    @abstractmethod
    def hidden(self, key: str) -> AbstractContextManager[None]:
        """Hide an object of the store during a block."""

    @abstractmethod
    def replace_machine(self, node: str) -> None:
        """Make the cloud replace the machine of a node."""

    @abstractmethod
    def remaining_resources(self) -> list[str]:
        """Return what the account still has of the stack."""

    def all_machines(self) -> dict[str, RunningMachine]:
        """Return all machines, by the name of their node."""
        machines = MachineStates.of(self.name).all()
        return {MEMBER if item.host == MEMBER else self.node_name(item): item for item in machines}

    def machines(self) -> dict[str, RunningMachine]:
        """Return the machines of the pool that the cloud does not terminate, by the name of their node."""
        return {
            name: machine
            for name, machine in self.all_machines().items()
            if self.is_in_pool(machine) and machine.lifecycle == "InService"
        }

    def run_on(self, node: str, script: str) -> None:
        """Run a script on a machine without SSH and without the cloud."""
        host = self.all_machines()[node].host
        result = hosts.execute(self.name, host, ["sh", "-c", script], stdin="")
        assert result.returncode == 0, result.stderr

    def lose(self, node: str) -> None:
        """End the machine of a node as a power failure does."""
        lifecycle.stop(self.name, self.all_machines()[node].host, kill=True)

    def is_healthy(self, workers: int) -> bool:
        """Check whether exactly the control plane and the machines of the pool are Ready."""
        machines = self.machines()
        assert len(machines) == workers
        assert set(self.nodes_by_name()) == {MEMBER, *machines}
        return True

    def wait_until_healthy(self, workers: int) -> None:
        """Wait until exactly the control plane and the machines of the pool are Ready."""
        self.wait_for("all nodes are Ready", lambda: self.is_healthy(workers))

    def wait_for(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds. The condition may raise AssertionError."""
        eventually(what, condition, timeout=_READY_SECONDS, interval=3)

    def nodes_by_name(self) -> dict[str, Any]:
        """Return the Nodes that are Ready and that the cloud controller has initialized."""
        nodes = json.loads(self.kubectl("get", "nodes", "-o", "json").stdout)["items"]
        return {
            node["metadata"]["name"]: node
            for node in nodes
            if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
            and not is_uninitialized(node)
        }

    def expect_complete_down(self) -> None:
        """Check that `down` leaves nothing in the cloud and on this machine."""
        result = self.command("down", timeout=UP_SECONDS)
        assert f"{self.name}: nothing remains in the emulated cloud" in result.text
        with pytest.raises(LabError, match="there is no lab of that name"):
            lifecycle.load(self.name)
        assert self.name not in Path("/etc/hosts").read_text()


_Stack = TypeVar("_Stack", bound=CloudStack)


@contextmanager
def created(stack: _Stack) -> Iterator[_Stack]:
    """Yield the stack after its first `up`. Remove its lab at the end."""
    try:
        stack.command("up", timeout=UP_SECONDS)
        yield stack
    finally:
        if not is_kept():
            lifecycle.down(stack.name)


def copy_of_stack(example: str, name: str, example_network: str, network: str) -> Document:
    """Return the configuration of an example stack with another name and network.

    `example_network` and `network` are the first two bytes of the networks, with a dot at the end.
    """
    text = (CHECKOUT / f"Pulumi.{example}.yaml").read_text()
    config: Document = yaml.safe_load(text.replace(example, name).replace(example_network, network))["config"]
    return config
