"""Tests of the functions with which tests/clouds observes the stack on an emulated cloud."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import lifecycle
from lab.cloud.aws.scaling_groups import ScalingGroup, ScalingGroups
from lab.cloud.azure.resources import SCALE_SET, Resource, Resources
from lab.cloud.controller import UNINITIALIZED
from lab.cloud.running import MachineStates, RunningMachine
from lab.cloud.zones import FailedZones
from lab.paths import LabPaths
from testkit.cluster import Cluster
from testkit.process import CommandResult
from testkit.stackfile import CLUSTER
from tests.clouds import members
from tests.clouds import test_autoscaled_pools as pools
from tests.clouds.aws_stack import AwsStack
from tests.clouds.azure_stack import AzureStack


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty state directory."""
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
    return tmp_path


def machine(host: str, group: str = "", **fields: Any) -> RunningMachine:  # noqa: ANN401 — any field
    default = RunningMachine(
        id=f"i-{host}",
        host=host,
        address=f"10.0.0.{len(MachineStates.of('kwtest').all()) + 1}",
        hostname=host,
        zone="a",
        region="x",
        identity="role",
        group=group,
    )
    return replace(default, **fields)


def stack_with(
    kind: type[AwsStack] | type[AzureStack], state: Path, *machines: RunningMachine
) -> AwsStack | AzureStack:
    """Return a stack with the control planes cp-1 and cp-2, and these machines."""
    for number, item in enumerate(machines):
        MachineStates.of("kwtest").add(replace(item, address=f"10.0.0.{number + 1}"))
    return kind("kwtest", state, {CLUSTER: {"control_planes": {"hosts": ["cp-1", "cp-2"]}}})


def serve_nodes(monkeypatch: pytest.MonkeyPatch, *names: str, taint: str = "") -> None:
    """Let kubectl return Ready Nodes with these names; the last one with a taint."""
    condition = {"type": "Ready", "status": "True"}
    nodes: list[Any] = [
        {"metadata": {"name": name}, "spec": {}, "status": {"conditions": [condition]}} for name in names
    ]
    if taint:
        nodes[-1]["spec"]["taints"] = [{"key": taint}]
    result = CommandResult(argv=(), code=0, stdout=json.dumps({"items": nodes}), stderr="")
    monkeypatch.setattr(Cluster, "kubectl", lambda *_, **__: result)


def test_machines_of_aws_have_the_pool_of_their_group(state: Path) -> None:
    stack = stack_with(
        AwsStack,
        state,
        machine("cp-1", "kwtest-cp-1"),
        machine("w-1", "kwtest-pool-general"),
        machine("w-2", "kwtest-pool-general-zone-2"),
        machine("w-3", "kwtest-pool-spot-zone-3"),
    )
    assert set(stack.all_machines()) == {"cp-1", "i-w-1", "i-w-2", "i-w-3"}
    assert set(stack.machines()) == {"i-w-1", "i-w-2"}
    assert set(stack.machines("spot")) == {"i-w-3"}


def test_machines_of_azure_have_the_pool_of_their_scale_set(state: Path) -> None:
    stack = stack_with(
        AzureStack, state, machine("cp-1"), machine("w-1", "general-2"), machine("w-2", "spot-1")
    )
    assert set(stack.all_machines()) == {"cp-1", "w-1", "w-2"}
    assert set(stack.machines()) == {"w-1"}
    assert set(stack.machines("spot")) == {"w-2"}


class TestHealth:
    @pytest.fixture
    def stack(self, state: Path) -> AwsStack | AzureStack:
        worker = machine("w-1", "general-1")
        return stack_with(AzureStack, state, machine("cp-1"), machine("cp-2"), worker)

    def test_all_machines_are_ready_nodes(self, stack: AzureStack, monkeypatch: pytest.MonkeyPatch) -> None:
        serve_nodes(monkeypatch, "cp-1", "cp-2", "w-1")
        assert stack.is_healthy(1)
        with pytest.raises(AssertionError):
            stack.is_healthy(2)
        with pytest.raises(AssertionError):
            stack.is_healthy(1, "spot")

    @pytest.mark.parametrize("nodes", [("cp-1", "w-1"), ("cp-1", "cp-2", "w-1", "w-9")])
    def test_missing_and_surplus_nodes_are_found(
        self, stack: AzureStack, monkeypatch: pytest.MonkeyPatch, nodes: tuple[str, ...]
    ) -> None:
        serve_nodes(monkeypatch, *nodes)
        with pytest.raises(AssertionError):
            stack.is_healthy(1)

    def test_node_that_the_cloud_controller_has_not_initialized_is_found(
        self, stack: AzureStack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        serve_nodes(monkeypatch, "cp-1", "cp-2", "w-1", taint=UNINITIALIZED)
        with pytest.raises(AssertionError):
            stack.is_healthy(1)

    def test_member_that_the_cloud_ends_is_found(
        self, stack: AzureStack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its Node is Ready until its machine ends."""
        serve_nodes(monkeypatch, "cp-1", "cp-2", "w-1")
        MachineStates.of("kwtest").update("i-cp-2", lifecycle="Terminated")
        with pytest.raises(AssertionError):
            stack.is_healthy(1)


def test_zone_fails_with_its_machines_and_recovers(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(lifecycle, "stop", lambda _, host, *, kill: calls.append(f"stop {host} {kill}"))
    monkeypatch.setattr(lifecycle, "start", lambda _, host: calls.append(f"start {host}"))
    stack = stack_with(
        AzureStack,
        state,
        machine("cp-1"),
        machine("cp-2", zone="b"),
        machine("w-1", "general-1"),
        machine("w-2", "general-2", zone="b"),
    )
    with stack.failed_zone("a"):
        assert FailedZones.of("kwtest").all() == {"a"}
        assert calls == ["stop cp-1 True", "stop w-1 True"]
    assert FailedZones.of("kwtest").all() == frozenset()
    # A scale set creates another instance itself.
    assert calls[2:] == ["start cp-1"]


def test_members_without_a_machine_are_not_ready(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = stack_with(AwsStack, state, machine("cp-1"), machine("cp-2"))
    answers = {"10.0.0.1": [True], "10.0.0.2": [False, False]}
    monkeypatch.setattr(members, "is_ready", lambda address: answers[address].pop(0))
    assert members.unready_members(stack) == 2
    answers = {"10.0.0.1": [True], "10.0.0.2": [False, True]}
    assert members.unready_members(stack) == 1, "a server that answers the second time is ready"


def test_sizes_and_limits_of_scale_sets_are_those_of_the_autoscaler(state: Path) -> None:
    LabPaths.of("kwtest").cloud.mkdir(parents=True)
    group = "/subscriptions/s/resourceGroups/g/providers"
    for name, capacity in (("general-1", 3), ("general-2", 2), ("spot-1", 0)):
        body = {"sku": {"capacity": capacity}, "tags": {"min": "1", "max": "3"}}
        with Resources.of("kwtest").locked() as resources:
            id = f"{group}/{SCALE_SET}/{name}"
            resources[id.lower()] = Resource(id=id, type=SCALE_SET, body=body)
    stack = stack_with(AzureStack, state)
    assert stack.group_sizes() == {"general-1": 3, "general-2": 2}
    assert stack.group_limits("spot") == {"spot-1": (1, 3)}


def test_sizes_and_limits_of_groups_are_those_of_the_autoscaler(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class AutoScaling:
        def describe_auto_scaling_groups(self) -> Any:  # noqa: ANN401 — JSON
            sizes = {"MinSize": 1, "MaxSize": 3}
            return {
                "AutoScalingGroups": [
                    sizes | {"AutoScalingGroupName": name, "DesiredCapacity": group.desired}
                    for name, group in ScalingGroups.of("kwtest").all().items()
                ]
            }

    for name, desired in (("kwtest-pool-general-zone-2", 2), ("kwtest-cp-1", 1)):
        ScalingGroups.of("kwtest").add(ScalingGroup(name=name, parameters={}, desired=desired))
    monkeypatch.setattr(AwsStack, "client", lambda *_: AutoScaling())
    stack = stack_with(AwsStack, state)
    assert stack.group_sizes() == {"kwtest-pool-general-zone-2": 2}
    assert stack.group_limits() == {"kwtest-pool-general-zone-2": (1, 3)}


def test_first_groups_get_the_rest_of_the_nodes() -> None:
    assert pools.distribute(7, ["b", "a", "c"]) == {"a": 3, "b": 2, "c": 2}
    assert pools.distribute(6, ["a", "b", "c"]) == {"a": 2, "b": 2, "c": 2}
