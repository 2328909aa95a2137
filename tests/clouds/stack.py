"""A whole stack on an emulated cloud, for tests (`tests.clouds.stack_tests`)."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from lab import hosts, lifecycle
from lab.cloud.controller import is_uninitialized
from lab.cloud.running import MachineStates, RunningMachine
from lab.cloud.zones import FailedZones
from lab.errors import LabError
from testkit.cluster import CHECKOUT, Cluster
from testkit.stackfile import CLUSTER, Document
from testkit.state import is_kept
from testkit.wait import eventually

UP_SECONDS = 900
MEMBER = "cp-1"
"""The first control plane."""
POOL = "general"
_READY_SECONDS = 300


class CloudStack(Cluster):
    """A stack on an emulated cloud: control planes, the first of which is `cp-1`, and the pool `general`."""

    @abstractmethod
    def pool_of(self, machine: RunningMachine) -> str:
        """Return the name of the pool of a machine; empty for a member."""

    @abstractmethod
    def node_name(self, machine: RunningMachine) -> str:
        """Return the name of the node of a machine of a pool."""

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

    @abstractmethod
    def group_sizes(self, pool: str = POOL) -> dict[str, int]:
        """Return the desired sizes of the machine groups of a pool, by name of the group."""

    @abstractmethod
    def group_limits(self, pool: str = POOL) -> dict[str, tuple[int, int]]:
        """Return the minimum and maximum sizes that the cluster autoscaler reads, by name of the group."""

    @abstractmethod
    def set_group_size(self, group: str, size: int) -> None:
        """Set the desired size of a machine group, by the call of the cluster autoscaler."""

    @abstractmethod
    def interrupt(self, node: str) -> None:
        """Announce that the cloud reclaims the spot machine of a node."""

    @abstractmethod
    def restore_power(self, lost: Sequence[RunningMachine]) -> None:
        """Start the machines that the cloud starts again when their zone has power."""

    @property
    def members(self) -> list[str]:
        """The names of the control planes."""
        return list(self.config[CLUSTER]["control_planes"]["hosts"])

    def all_machines(self) -> dict[str, RunningMachine]:
        """Return all machines, by the name of their node."""
        machines = MachineStates.of(self.name).all()
        return {self.node_name(item) if self.pool_of(item) else item.host: item for item in machines}

    def machines(self, pool: str = POOL) -> dict[str, RunningMachine]:
        """Return the machines of a pool that the cloud does not terminate, by the name of their node."""
        return {name: item for name, item in self._in_service().items() if self.pool_of(item) == pool}

    def _in_service(self) -> dict[str, RunningMachine]:
        return {name: item for name, item in self.all_machines().items() if item.lifecycle == "InService"}

    def run_on(self, node: str, script: str) -> str:
        """Run a script on a machine without SSH and without the cloud. Return its output."""
        host = self.all_machines()[node].host
        result = hosts.execute(self.name, host, ["sh", "-c", script], stdin="")
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def lose(self, node: str) -> None:
        """End the machine of a node as a power failure does."""
        lifecycle.stop(self.name, self.all_machines()[node].host, kill=True)

    @contextmanager
    def failed_zone(self, zone: str) -> Iterator[None]:
        """Let a zone fail during a block: its machines lose their power, and no machine starts there."""
        zones = FailedZones.of(self.name)
        lost = {node: machine for node, machine in self.all_machines().items() if machine.zone == zone}
        zones.add(zone)
        try:
            for node in lost:
                self.lose(node)
            yield
        finally:
            zones.remove(zone)
            self.restore_power(list(lost.values()))

    def is_healthy(self, workers: int, pool: str = POOL) -> bool:
        """Check whether exactly the control planes and the machines of all pools are Ready.

        `workers` is the number of machines in `pool`.
        """
        machines = set(self._in_service())
        assert set(self.members) <= machines
        assert len(self.machines(pool)) == workers
        assert set(self.nodes_by_name()) == machines
        return True

    def wait_until_healthy(self, workers: int, pool: str = POOL, seconds: float = _READY_SECONDS) -> None:
        """Wait until exactly the control planes and the machines of all pools are Ready."""
        self.wait_for("all nodes are Ready", lambda: self.is_healthy(workers, pool), seconds)

    def wait_for(self, what: str, condition: Callable[[], bool], seconds: float = _READY_SECONDS) -> None:
        """Wait until a condition holds. The condition may raise AssertionError."""
        eventually(what, condition, timeout=seconds, interval=3)

    def nodes_by_name(self) -> dict[str, Any]:
        """Return the Nodes that are Ready and that the cloud controller has initialized."""
        nodes = json.loads(self.kubectl("get", "nodes", "-o", "json").stdout)["items"]
        return {
            node["metadata"]["name"]: node
            for node in nodes
            if any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"]["conditions"])
            and not is_uninitialized(node)
        }

    def expect_data_of_the_cloud(self) -> None:
        """Check that each Node has the provider ID, the zone and the address of its machine."""
        machines = self.all_machines()
        for name, node in self.nodes_by_name().items():
            assert node["spec"]["providerID"] == self.provider_id(machines[name])
            assert node["metadata"]["labels"]["topology.kubernetes.io/zone"] == machines[name].zone
            assert node["status"]["addresses"][0]["address"] == machines[name].address

    def expect_files_of_the_own_store(self) -> None:
        """Check that machines fetched all their files from the store of the cluster."""
        stored = {key.rpartition("/")[2] for key in self.stored_keys()}
        fetched: set[str] = set()
        for node in self.all_machines():
            fetched |= set(self.run_on(node, "ls /var/lib/kubewright/artifacts").split())
            deliveries = self.run_on(node, "cat /run/kubewright-boot/*.sh")
            urls = {line.split()[2] for line in deliveries.splitlines() if line.startswith("artifact ")}
            assert urls
            assert all(url.startswith("store:") for url in urls)
        assert len(fetched) > 10
        assert fetched <= stored

    def expect_complete_status(self) -> None:
        """Check that `status` finds every machine, and no problems except a slow disk."""
        text = self.command("status").text
        for title in (f"Cluster {self.name}", "etcd", "Nodes", "Add-ons"):
            assert title in text, text
        for name, machine in self.all_machines().items():
            row = next(line for line in text.splitlines() if name in line and machine.address in line)
            assert "yes" in row, text
        expect_no_problems(text)

    def wait_for_complete_status(self) -> None:
        """Wait until `expect_complete_status` succeeds. A machine that is Ready may still boot."""

        def is_complete() -> bool:
            self.expect_complete_status()
            return True

        self.wait_for("`status` is complete", is_complete)

    def expect_complete_down(self) -> None:
        """Check that `down` leaves nothing in the cloud and on this machine."""
        result = self.command("down", timeout=UP_SECONDS)
        assert f"{self.name}: nothing remains in the emulated cloud" in result.text
        with pytest.raises(LabError, match="there is no lab of that name"):
            lifecycle.load(self.name)
        assert self.name not in Path("/etc/hosts").read_text()


def expect_no_problems(text: str) -> None:
    """Check that a table of problems has none except a slow disk.

    The speed of the disk of this machine is not a property of the stack: other programs use the disk too.
    """
    rows = [line for line in text.splitlines() if line.startswith(("│ error ", "│ warning "))]
    assert "no problems found" in text or rows, text
    assert not [row for row in rows if "slow disk of etcd" not in row], text


_Stack = TypeVar("_Stack", bound=CloudStack)


@contextmanager
def created(stack: _Stack, seconds: float = UP_SECONDS) -> Iterator[_Stack]:
    """Yield the stack after its first `up`, which takes at most `seconds`. Remove its lab at the end."""
    try:
        stack.command("up", timeout=seconds)
        yield stack
    finally:
        if not is_kept():
            lifecycle.down(stack.name)


def use_own_store(config: Document) -> None:
    """Make machines of a stack fetch their files from the store of the cluster, which the deployer fills."""
    config["kubewright:cluster"]["artifacts"] = {"store": "own"}


def copy_of_stack(example: str, name: str, example_network: str, network: str) -> Document:
    """Return the configuration of an example stack with another name and network.

    `example_network` and `network` are the first two bytes of the networks, with a dot at the end.
    """
    text = (CHECKOUT / f"Pulumi.{example}.yaml").read_text()
    config: Document = yaml.safe_load(text.replace(example, name).replace(example_network, network))["config"]
    return config
