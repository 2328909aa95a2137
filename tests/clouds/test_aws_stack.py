"""Tests of `kubewright up` of a whole stack on emulated AWS: the stand-in plugin creates every resource."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import hosts, lifecycle
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
"""The group of the pool in the first zone. The names of the other groups begin with this name."""
READY_SECONDS = 300
UP_SECONDS = 900


class Stack(CloudStack):
    """The stack on emulated AWS."""

    def machines(self) -> set[str]:
        """Return the ids of the machines of the pool that the cloud does not terminate."""
        return {
            machine.id
            for machine in MachineStates.of(STACK).all()
            if machine.group.startswith(GROUP) and machine.lifecycle == "InService"
        }

    def on(self, name: str, script: str) -> None:
        """Run a script on a machine without SSH and without the cloud."""
        machine = next(item for item in MachineStates.of(STACK).all() if name in (item.id, item.host))
        result = hosts.execute(STACK, machine.host, ["sh", "-c", script], stdin="")
        assert result.returncode == 0, result.stderr

    def stored_keys(self) -> set[str]:
        """Return the keys of all versions of all objects in the bucket of the cluster."""
        s3 = client("s3", environment_variables(STACK))
        (bucket,) = (item["Name"] for item in s3.list_buckets()["Buckets"])
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        return {item["Key"] for page in pages for item in page.get("Versions", [])}

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


def test_status_finds_every_machine_and_no_problems(stack: Stack) -> None:
    text = stack.command("status").text
    for title in ("Cluster kwstack", "etcd", "Nodes", "Add-ons"):
        assert title in text
    for machine in MachineStates.of(STACK).all():
        name = "cp-1" if machine.host == "cp-1" else machine.id
        row = next(line for line in text.splitlines() if name in line and machine.address in line)
        assert "yes" in row
    assert "no problems found" in text


def test_diagnose_certificates_and_cis_work_as_on_bare_metal(stack: Stack) -> None:
    assert "no problems found" in stack.command("diagnose").text
    certificates = stack.command("certificates").text
    for machine in stack.machines():
        assert f"kubelet-client of {machine}" in certificates
    assert " 0 FAIL" in stack.command("cis").text


def test_drift_names_a_changed_file_and_repair_restores_it(stack: Stack) -> None:
    assert "no drift: 5 roles on 3 hosts match their deliveries" in stack.command("drift").text
    machine = min(stack.machines())
    stack.on(machine, "echo >>/etc/kubernetes/kubelet.json")
    result = stack.command("drift", check=False)
    assert result.code == 1
    assert "/etc/kubernetes/kubelet.json" in result.text
    stack.command("repair", "--host", machine)
    assert "no drift" in stack.command("drift").text


def test_logs_show_the_journal_of_a_machine(stack: Stack) -> None:
    machine = min(stack.machines())
    stack.on(machine, "logger --tag=kwtest a line of this test")
    assert "kwtest" in stack.command("logs", "--host", machine, "--since", "10m").text
    units = stack.command("logs", "--host", "cp-1", "--unit", "etcd", "--lines", "3").text
    assert "etcd[" in units
    assert "kwtest" not in units


def test_snapshot_and_restore(stack: Stack) -> None:
    stack.kubectl("create", "configmap", "before")
    directory = stack.state / "snapshots"
    stack.command("snapshot", "--to", str(directory))
    (snapshot,) = directory.glob("*.db")
    stack.kubectl("create", "configmap", "after")
    stack.command("restore", "--snapshot", str(snapshot))
    names = stack.kubectl("get", "configmaps", "-o", "name").stdout
    assert "configmap/before" in names
    assert "configmap/after" not in names
    eventually("all nodes are Ready", lambda: stack.is_healthy(2), timeout=READY_SECONDS, interval=3)


def test_no_request_remains_in_the_store(stack: Stack) -> None:
    keys = stack.stored_keys()
    assert any(key.startswith("status/") for key in keys)
    last = {key.rpartition("/")[2].rpartition(".")[2].partition("-")[0] for key in keys}
    assert not last & {"request", "input", "response", "output"}


def test_failed_boot_tells_the_reason(stack: Stack) -> None:
    """Test a machine that cannot fetch its config: the reason is in status, its journal in logs."""
    s3 = client("s3", environment_variables(STACK))
    (bucket,) = (item["Name"] for item in s3.list_buckets()["Buckets"])
    config = max(key for key in stack.stored_keys() if re.fullmatch(r"pools/general/\w{64}/node.sh", key))
    s3.copy_object(Bucket=bucket, Key="aside", CopySource={"Bucket": bucket, "Key": config})
    s3.delete_object(Bucket=bucket, Key=config)
    before = stack.machines()
    chosen = min(before)
    client("autoscaling", environment_variables(STACK)).terminate_instance_in_auto_scaling_group(
        InstanceId=chosen, ShouldDecrementDesiredCapacity=False
    )

    def launched() -> str:
        new = stack.machines() - before
        assert len(new) == 1
        return new.pop()

    failing = eventually("a machine boots", launched, timeout=120, interval=1)

    def reported() -> str:
        text = stack.command("status", check=False).text
        assert "the store does not give what pools/general is" in " ".join(text.split())
        return text

    eventually("status has the reason", reported, timeout=90, interval=1)
    assert "curl: (22)" in stack.command("logs", "--host", failing, "--unit", "kubewright-boot").text
    s3.copy_object(Bucket=bucket, Key=config, CopySource={"Bucket": bucket, "Key": "aside"})
    s3.delete_object(Bucket=bucket, Key="aside")
    eventually("all nodes are Ready", lambda: stack.is_healthy(2), timeout=READY_SECONDS, interval=3)


def test_replace_replaces_a_machine_and_waits_for_its_successor(stack: Stack) -> None:
    chosen = min(stack.machines())
    text = stack.command("replace", "--host", chosen, timeout=UP_SECONDS).text
    assert f"{chosen}: replaced by " in text
    member = next(item.id for item in MachineStates.of(STACK).all() if item.host == "cp-1")
    assert "cp-1: replaced" in stack.command("replace", "--host", "cp-1", timeout=UP_SECONDS).text
    assert member not in {item.id for item in MachineStates.of(STACK).all()}
    eventually("all nodes are Ready", lambda: stack.is_healthy(2), timeout=READY_SECONDS, interval=3)


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
    with pytest.raises(autoscaling.exceptions.ClientError, match="must be between 1 and 1"):
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
