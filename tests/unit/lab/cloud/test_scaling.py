"""Tests of the emulated Auto Scaling: the operations of its API, and the decisions of groups."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from moto.core.utils import get_service_model

from lab.cloud.aws.decisions import missing_machines, refresh_step, surplus_machines
from lab.cloud.aws.hooks import begin_termination, end_hook
from lab.cloud.aws.launches import host_name
from lab.cloud.aws.scaling import Scaling
from lab.cloud.aws.scaling_groups import Hook, Refresh, ScalingGroup, ScalingGroups
from lab.cloud.aws.signature import RequestRefused
from lab.cloud.running import MachineStates, RunningMachine

GROUP = "aws-lab-pool-general"
NAME = {"AutoScalingGroupName": GROUP}
TEMPLATE = {"LaunchTemplateId": "lt-1", "Version": "1"}


def machine(identity: str, **fields: Any) -> RunningMachine:  # noqa: ANN401 — any field
    """Return a running machine of the group."""
    number = int(identity.removeprefix("i-"))
    default = RunningMachine(
        id=identity,
        host=f"pool-general-{number}",
        address=f"10.124.32.{100 + number}",
        hostname=f"ip-{number}",
        zone="eu-central-1a",
        region="eu-central-1",
        identity="role",
        group=GROUP,
    )
    return replace(default, **fields)


def group(desired: int = 2, version: str = "1") -> ScalingGroup:
    template = {"LaunchTemplateId": "lt-1", "Version": version}
    parameters = {"MinSize": 0, "MaxSize": 10, "LaunchTemplate": template}
    return ScalingGroup(name=GROUP, parameters=parameters, desired=desired)


class Client:
    """Calls operations with the messages of the API, as boto3 does."""

    def __init__(self, directory: Path) -> None:
        self.states = MachineStates(directory / "machines.json")
        self.groups = ScalingGroups(directory / "groups.json")
        self._scaling = Scaling(self.states, self.groups)

    def call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:  # noqa: ANN401 — JSON
        model = get_service_model("autoscaling").operation_model(operation)
        request = create_serializer("query").serialize_to_request(parameters, model)
        text = self._scaling.respond(operation, {key: str(value) for key, value in request["body"].items()})
        assert text is not None
        response = {"status_code": 200, "headers": {}, "body": text.encode()}
        parsed: Mapping[str, Any] = create_parser("query").parse(response, model.output_shape)
        return parsed

    def create_group(self, **parameters: Any) -> None:  # noqa: ANN401 — JSON
        defaults = {"MinSize": 2, "MaxSize": 5, "LaunchTemplate": TEMPLATE}
        self.call("CreateAutoScalingGroup", **NAME, **(defaults | parameters))

    def describe(self) -> Mapping[str, Any]:
        (found,) = self.call("DescribeAutoScalingGroups", AutoScalingGroupNames=[GROUP])["AutoScalingGroups"]
        description: Mapping[str, Any] = found
        return description


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path)


def test_group_has_its_minimum_size_and_its_tags(client: Client) -> None:
    tag = {"Key": "kubewright:cluster", "Value": "aws-lab", "PropagateAtLaunch": False}
    client.create_group(Tags=[tag | {"ResourceId": GROUP, "ResourceType": "auto-scaling-group"}])
    found = client.describe()
    assert (found["DesiredCapacity"], found["MaxSize"]) == (2, 5)
    assert found["Tags"][0]["Value"] == "aws-lab"
    assert client.groups.all()[GROUP].template == ("lt-1", "1")


def test_update_keeps_the_size_that_the_autoscaler_chose(client: Client) -> None:
    client.create_group()
    client.call("SetDesiredCapacity", **NAME, DesiredCapacity=4)
    client.call("UpdateAutoScalingGroup", **NAME, MinSize=1)
    assert client.describe()["DesiredCapacity"] == 4
    client.call("UpdateAutoScalingGroup", **NAME, MaxSize=3)
    assert client.describe()["DesiredCapacity"] == 3


@pytest.mark.parametrize(
    ("operation", "parameters", "code"),
    [
        ("CreateAutoScalingGroup", {"MinSize": 1, "MaxSize": 1}, "AlreadyExists"),
        ("SetDesiredCapacity", {"DesiredCapacity": 6}, "ValidationError"),
        ("CancelInstanceRefresh", {}, "ActiveInstanceRefreshNotFound"),
        ("DeleteAutoScalingGroup", {}, "ResourceInUse"),
    ],
)
def test_calls_that_aws_refuses(
    client: Client, operation: str, parameters: dict[str, Any], code: str
) -> None:
    client.create_group()
    client.states.add(machine("i-1"))
    with pytest.raises(RequestRefused) as caught:
        client.call(operation, **NAME, **parameters)
    assert caught.value.code == code


def test_unknown_group_and_unknown_operation(client: Client) -> None:
    with pytest.raises(RequestRefused, match="Group missing not found"):
        client.call("UpdateAutoScalingGroup", AutoScalingGroupName="missing", MinSize=1)
    assert Scaling(client.states, client.groups).respond("AttachInstances", {}) is None


def test_terminating_machine_waits_for_its_hook(client: Client) -> None:
    client.create_group()
    hook = {"LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING", "HeartbeatTimeout": 300}
    client.call("PutLifecycleHook", **NAME, LifecycleHookName="leaving", **hook, DefaultResult="CONTINUE")
    client.states.add(machine("i-1"))
    client.call("TerminateInstanceInAutoScalingGroup", InstanceId="i-1", ShouldDecrementDesiredCapacity=False)
    assert client.describe()["Instances"][0]["LifecycleState"] == "Terminating:Wait"
    found = client.states.by_id("i-1")
    assert found is not None
    assert 290 < found.hook_deadline - time.time() < 301
    action = {"LifecycleHookName": "leaving", "LifecycleActionResult": "CONTINUE"}
    client.call("CompleteLifecycleAction", **NAME, InstanceId="i-1", **action)
    assert client.describe()["Instances"][0]["LifecycleState"] == "Terminating"
    with pytest.raises(RequestRefused, match="No active Lifecycle Action"):
        client.call("CompleteLifecycleAction", **NAME, InstanceId="i-1", **action)


def test_heartbeat_starts_the_time_limit_of_a_hook_again(client: Client) -> None:
    client.create_group()
    hook = {"LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING", "HeartbeatTimeout": 300}
    client.call("PutLifecycleHook", **NAME, LifecycleHookName="joining", **hook)
    client.states.add(machine("i-1", hook="joining", hook_deadline=1.0))
    client.call("RecordLifecycleActionHeartbeat", **NAME, LifecycleHookName="joining", InstanceId="i-1")
    found = client.states.by_id("i-1")
    assert found is not None
    assert found.hook_deadline > time.time() + 290


def test_unhealthy_machine_is_terminated(client: Client) -> None:
    client.create_group()
    client.states.add(machine("i-1"))
    client.call("SetInstanceHealth", InstanceId="i-1", HealthStatus="Healthy")
    assert client.describe()["Instances"][0]["LifecycleState"] == "InService"
    client.call("SetInstanceHealth", InstanceId="i-1", HealthStatus="Unhealthy")
    assert client.describe()["Instances"][0]["LifecycleState"] == "Terminating"
    with pytest.raises(RequestRefused, match="No managed instance found for i-2"):
        client.call("SetInstanceHealth", InstanceId="i-2", HealthStatus="Unhealthy")


def test_abandoned_launch_terminates_the_machine() -> None:
    launching = machine("i-1", hook="joining")
    assert end_hook(launching, "ABANDON")["lifecycle"] == "Terminated"
    assert end_hook(launching, "CONTINUE")["lifecycle"] == "InService"


def test_group_without_a_hook_terminates_immediately(tmp_path: Path) -> None:
    states = MachineStates(tmp_path / "machines.json")
    states.add(machine("i-1"))
    begin_termination(states, machine("i-1"), group())
    found = states.by_id("i-1")
    assert found is not None
    assert (found.lifecycle, found.hook) == ("Terminated", "")


def test_only_one_instance_refresh_runs(client: Client) -> None:
    client.create_group()
    identity = client.call("StartInstanceRefresh", **NAME, Preferences={"MinHealthyPercentage": 50})
    with pytest.raises(RequestRefused, match="already in progress"):
        client.call("StartInstanceRefresh", **NAME)
    client.call("CancelInstanceRefresh", **NAME)
    refreshes = client.call("DescribeInstanceRefreshes", **NAME)["InstanceRefreshes"]
    assert [(item["InstanceRefreshId"], item["Status"]) for item in refreshes] == [
        (identity["InstanceRefreshId"], "Cancelled")
    ]


def test_groups_are_read_as_they_were_written(tmp_path: Path) -> None:
    groups = ScalingGroups(tmp_path / "groups.json")
    hook = Hook(transition="LAUNCHING", timeout=60, result="ABANDON")
    refresh = Refresh(id="r", status="Pending", preferences={"SkipMatching": True})
    written = replace(group(), hooks={"joining": hook}, refreshes=(refresh,), suspended=("AZRebalance",))
    groups.add(written)
    assert groups.all() == {GROUP: written}
    assert written.hook("LAUNCHING") == ("joining", hook)
    assert written.hook("TERMINATING") is None


def test_terminating_machine_is_replaced_and_not_counted() -> None:
    ending = machine("i-2", lifecycle="Terminated", hook="leaving")
    assert missing_machines(group(2), [machine("i-1"), ending]) == 1
    assert missing_machines(group(2), [machine("i-1"), machine("i-3")]) == 0
    assert surplus_machines(group(1), [machine("i-1"), ending]) == []


def test_machine_with_an_old_template_is_removed_first() -> None:
    old, new = machine("i-1", version="1"), machine("i-2", version="2")
    assert surplus_machines(group(1, version="2"), [new, old]) == [old]


REFRESH = Refresh(id="r", status="Pending", preferences={"MinHealthyPercentage": 67})


def test_refresh_replaces_as_many_machines_as_may_be_missing() -> None:
    old = [machine(f"i-{number}") for number in range(1, 4)]
    step = refresh_step(group(3, version="2"), REFRESH, old)
    assert [item.id for item in step.terminate] == ["i-1"]
    assert step.refresh.status == "InProgress"
    waiting = [*old[1:], machine("i-4", version="2", hook="joining")]
    assert not refresh_step(group(3, version="2"), REFRESH, waiting).terminate
    joined = [*old[1:], machine("i-4", version="2")]
    assert len(refresh_step(group(3, version="2"), REFRESH, joined).terminate) == 1


def test_refresh_ends_when_all_machines_are_new_and_in_service() -> None:
    new = [machine("i-1", version="2"), machine("i-2", version="2")]
    assert refresh_step(group(2, version="2"), REFRESH, new).refresh.status == "Successful"
    launching = [new[0], machine("i-2", version="2", hook="joining")]
    assert refresh_step(group(2, version="2"), REFRESH, launching).refresh.status == "InProgress"


def test_single_machine_can_be_replaced() -> None:
    step = refresh_step(group(1, version="2"), replace(REFRESH, preferences={}), [machine("i-1")])
    assert [item.id for item in step.terminate] == ["i-1"]


def test_host_of_a_machine_has_the_name_of_its_group() -> None:
    tags = {"kubewright:cluster": {"Value": "aws-lab"}}
    pool = replace(group(), tags=tags)
    assert host_name(pool, set(), numbered=True) == "pool-general-1"
    assert host_name(pool, {"pool-general-1"}, numbered=True) == "pool-general-2"
    assert host_name(replace(pool, name="aws-lab-cp-1"), set(), numbered=False) == "cp-1"
    long = replace(pool, name=f"aws-lab-pool-{'x' * 40}")
    assert len(host_name(long, set(), numbered=True)) <= 30
