"""A whole stack on an emulated cloud, with the checks that the tests of all clouds share."""

from __future__ import annotations

import json
import re
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

    def run_on(self, node: str, script: str) -> str:
        """Run a script on a machine without SSH and without the cloud. Return its output."""
        host = self.all_machines()[node].host
        result = hosts.execute(self.name, host, ["sh", "-c", script], stdin="")
        assert result.returncode == 0, result.stderr
        return result.stdout

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

    # Checks

    def expect_data_of_the_cloud(self) -> None:
        """Check the provider IDs, zones and addresses of Nodes."""
        machines = self.all_machines()
        for name, node in self.nodes_by_name().items():
            assert node["spec"]["providerID"] == self.provider_id(machines[name])
            assert node["metadata"]["labels"]["topology.kubernetes.io/zone"] == machines[name].zone
            assert node["status"]["addresses"][0]["address"] == machines[name].address

    def expect_files_of_the_own_store(self) -> None:
        """Check that machines fetched their files from the store of the cluster, which has no other files."""
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
        """Check that `status` finds every machine and no problems."""
        text = self.command("status").text
        for title in (f"Cluster {self.name}", "etcd", "Nodes", "Add-ons"):
            assert title in text
        for name, machine in self.all_machines().items():
            row = next(line for line in text.splitlines() if name in line and machine.address in line)
            assert "yes" in row
        assert "no problems found" in text

    def expect_inspections(self) -> None:
        """Check `diagnose`, `certificates` and `cis`, whose output is as on bare metal."""
        assert "no problems found" in self.command("diagnose").text
        certificates = self.command("certificates").text
        for machine in self.machines():
            assert f"kubelet-client of {machine}" in certificates
        assert " 0 FAIL" in self.command("cis").text

    def expect_drift_and_repair(self) -> None:
        """Check that `drift` names a changed file of a machine, and that `repair` restores it."""
        assert "no drift: 5 roles on 3 hosts match their deliveries" in self.command("drift").text
        machine = min(self.machines())
        self.run_on(machine, "echo >>/etc/kubernetes/kubelet.json")
        result = self.command("drift", check=False)
        assert result.code == 1
        assert "/etc/kubernetes/kubelet.json" in result.text
        self.command("repair", "--host", machine)
        assert "no drift" in self.command("drift").text

    def expect_logs(self) -> None:
        """Check that `logs` shows the journal of a machine, and only the lines of a unit."""
        machine = min(self.machines())
        self.run_on(machine, "logger --tag=kwtest a line of this test")
        assert "kwtest" in self.command("logs", "--host", machine, "--since", "10m").text
        units = self.command("logs", "--host", MEMBER, "--unit", "etcd", "--lines", "3").text
        assert "etcd[" in units
        assert "kwtest" not in units

    def expect_snapshot_and_restore(self) -> None:
        """Check that `restore` gives the cluster the objects of a snapshot."""
        self.kubectl("create", "configmap", "before")
        directory = self.state / f"{self.name}-snapshots"
        self.command("snapshot", "--to", str(directory))
        (snapshot,) = directory.glob("*.db")
        self.kubectl("create", "configmap", "after")
        self.command("restore", "--snapshot", str(snapshot))
        names = self.kubectl("get", "configmaps", "-o", "name").stdout
        assert "configmap/before" in names
        assert "configmap/after" not in names
        self.wait_until_healthy(2)

    def expect_no_requests_in_the_store(self) -> None:
        """Check that commands have deleted their requests and responses."""
        keys = self.stored_keys()
        assert any(key.startswith("status/") for key in keys)
        last = {key.rpartition("/")[2].rpartition(".")[2].partition("-")[0] for key in keys}
        assert not last & {"request", "input", "response", "output"}

    def expect_reason_of_a_failed_boot(self, end: Callable[[str], None]) -> None:
        """Check a machine that cannot fetch its config: the reason is in `status`, its journal in `logs`.

        `end` makes the cloud replace the machine of a node.
        """
        config = max(key for key in self.stored_keys() if re.fullmatch(r"pools/general/\w{64}/node.sh", key))
        with self.hidden(config):
            before = set(self.machines())
            end(min(before))

            def launched() -> str:
                new = set(self.machines()) - before
                assert len(new) == 1
                return new.pop()

            failing = eventually("a machine boots", launched, timeout=120, interval=1)

            def reported() -> str:
                text = self.command("status", check=False).text
                assert "the store does not give what pools/general is" in " ".join(text.split())
                return text

            eventually("status has the reason", reported, timeout=90, interval=1)
            assert "curl: (22)" in self.command("logs", "--host", failing, "--unit", "kubewright-boot").text
        self.wait_until_healthy(2)

    def expect_replacement_of_a_lost_machine(self) -> None:
        """Check that the cloud replaces a machine that has lost its power."""
        lost = min(self.machines())
        self.lose(lost)

        def replaced() -> bool:
            assert lost not in self.machines()
            return self.is_healthy(2)

        self.wait_for("another machine is a Ready node", replaced)

    def expect_replaced_pool(self) -> None:
        """Check that `up` replaces the machines of a changed pool, and that the next preview is empty."""
        before = set(self.machines())
        self.config["kubewright:cluster"]["pools"]["general"]["kubelet"] = {"max_pods": 90}
        self.command("up", timeout=UP_SECONDS)
        self.wait_until_healthy(2)
        assert not before & set(self.machines())
        workers = [node for name, node in self.nodes_by_name().items() if name != MEMBER]
        assert {node["status"]["capacity"]["pods"] for node in workers} == {"90"}
        assert not self.previewed_operations()

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
