"""Tests of failed zones of an emulated cloud, and of spot machines that EC2 reclaims, without hosts."""

from __future__ import annotations

import base64
import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest

from lab.cloud.aws import group_machines as aws
from lab.cloud.aws import launches
from lab.cloud.aws.interruptions import begin_interruption
from lab.cloud.aws.metadata import metadata_value
from lab.cloud.aws.scaling_groups import ScalingGroup, ScalingGroups
from lab.cloud.aws.sessions import Sessions
from lab.cloud.azure.group_machines import GroupMachines as AzureMachines
from lab.cloud.running import MachineStates, RunningMachine
from lab.cloud.zones import FailedZones
from tests.unit.lab.cloud.azure_resources import (
    LAB,
    MACHINE,
    SET,
    create_network,
    machine_body,
    manager,
    put,
    set_body,
)
from tests.unit.lab.cloud.fake_hosts import FakeHosts, use_fake_azure_hosts, use_fake_hosts

SUBNETS = {"subnet-a": ("10.124.32.0/20", "eu-central-1a"), "subnet-b": ("10.124.48.0/20", "eu-central-1b")}
INTERFACE = {"PrivateIpAddress": "10.124.32.10", "AvailabilityZone": "eu-central-1a"}


class FakeAccount:
    """The calls of EC2 and IAM that start the machines of groups. The template `member` has an interface."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.terminated: list[str] = []

    def describe_launch_template_versions(self, **parameters: Any) -> Any:  # noqa: ANN401 — JSON
        data: dict[str, Any] = {
            "ImageId": "ami-1",
            "InstanceType": "m6i.large",
            "UserData": base64.b64encode(b"program").decode(),
            "IamInstanceProfile": {"Arn": "arn:aws:iam::1:instance-profile/node"},
        }
        if parameters["LaunchTemplateId"] == "member":
            data |= {"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1"}]}
        return {"LaunchTemplateVersions": [{"LaunchTemplateData": data}]}

    def describe_network_interfaces(self, **_: Any) -> Any:  # noqa: ANN401 — JSON
        return {"NetworkInterfaces": [INTERFACE]}

    def describe_subnets(self, **parameters: Any) -> Any:  # noqa: ANN401 — JSON
        found = [SUBNETS[name] for name in parameters["SubnetIds"]]
        return {"Subnets": [{"CidrBlock": block, "AvailabilityZone": zone} for block, zone in found]}

    def run_instances(self, **_: Any) -> Any:  # noqa: ANN401 — JSON
        return {"Instances": [{"InstanceId": f"i-{next(self._numbers)}"}]}

    def terminate_instances(self, **parameters: Any) -> None:  # noqa: ANN401 — JSON
        self.terminated += parameters["InstanceIds"]

    def get_instance_profile(self, **_: Any) -> Any:  # noqa: ANN401 — JSON
        return {"InstanceProfile": {"Roles": [{"RoleName": "node"}]}}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> FakeAccount:
    account = FakeAccount()
    monkeypatch.setattr(launches, "client", lambda *_: account)
    monkeypatch.setattr(launches, "environment_variables", lambda _: {})
    return account


@pytest.fixture
def ec2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, account: FakeAccount) -> FakeHosts:
    return use_fake_hosts(aws, tmp_path, monkeypatch)


def add_group(name: str, desired: int, *, template: str = "pool", **parameters: object) -> None:
    specification = {"LaunchTemplateId": template, "Version": "1"}
    sizes = {"MinSize": 0, "MaxSize": 4}
    defaults = {"VPCZoneIdentifier": "subnet-a,subnet-b", "LaunchTemplate": specification, **sizes}
    ScalingGroups.of(LAB).add(ScalingGroup(name=name, parameters=defaults | parameters, desired=desired))


def step(count: int = 1) -> None:
    for _ in range(count):
        aws.GroupMachines(LAB).step()


def machines() -> list[RunningMachine]:
    return list(MachineStates.of(LAB).all())


def test_failed_zones_are_recorded_once(tmp_path: Path) -> None:
    zones = FailedZones(tmp_path / "failed-zones.json")
    assert zones.all() == frozenset()
    for zone in ("1", "2", "1"):
        zones.add(zone)
    assert zones.all() == {"1", "2"}
    zones.remove("1")
    assert zones.all() == {"2"}


def test_group_launches_no_machine_in_a_failed_zone(ec2: FakeHosts) -> None:
    FailedZones.of(LAB).add("eu-central-1a")
    add_group("both", 2)
    add_group("one", 1, VPCZoneIdentifier="subnet-a")
    add_group("cp-1", 1, template="member")
    step(2)
    assert {(machine.group, machine.zone) for machine in machines()} == {("both", "eu-central-1b")}
    FailedZones.of(LAB).remove("eu-central-1a")
    step()
    assert [machine.zone for machine in machines() if machine.group != "both"] == ["eu-central-1a"] * 2


def test_machine_of_a_failed_zone_comes_back_when_the_zone_recovers(
    ec2: FakeHosts, account: FakeAccount
) -> None:
    add_group("cp-1", 1, template="member")
    step()
    FailedZones.of(LAB).add("eu-central-1a")
    ec2.programs.clear()
    step(3)
    assert (machines(), account.terminated) == ([], ["i-1"])
    FailedZones.of(LAB).remove("eu-central-1a")
    step()
    assert [machine.address for machine in machines()] == ["10.124.32.10"]


@pytest.mark.parametrize("rebalance", [True, False])
def test_reclaimed_spot_machine_has_two_minutes_and_is_replaced(
    ec2: FakeHosts, monkeypatch: pytest.MonkeyPatch, rebalance: bool
) -> None:
    add_group("spot", 1, CapacityRebalance=rebalance)
    step()
    (first,) = machines()
    begin_interruption(MachineStates.of(LAB), first)
    now = time.time()
    step(2)
    # Capacity rebalancing replaces the machine before its end.
    assert len(machines()) == (2 if rebalance else 1)
    assert first.id in {machine.id for machine in machines()}
    monkeypatch.setattr(time, "time", lambda: now + 121)
    step(2)
    assert len(machines()) == 1
    assert machines()[0].id != first.id


def test_notice_has_the_time_of_the_end(ec2: FakeHosts) -> None:
    add_group("spot", 1)
    step()
    (machine,) = machines()
    path = "/latest/meta-data/spot/instance-action"
    sessions = Sessions("secret")
    assert metadata_value(path, machine, sessions) is None
    begin_interruption(MachineStates.of(LAB), machine)
    notice = json.loads(metadata_value(path, machines()[0], sessions) or "")
    assert notice["action"] == "terminate"
    end = time.mktime(time.strptime(notice["time"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert 110 < end - time.time() <= 120


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHosts:
    fake = use_fake_azure_hosts(tmp_path, monkeypatch)
    create_network()
    return fake


def azure_step(count: int = 1) -> None:
    for _ in range(count):
        AzureMachines(LAB).step()


def provisioning_state() -> str:
    return str(manager().respond("GET", MACHINE, {}).body["properties"]["provisioningState"])


def test_azure_starts_no_machine_in_a_failed_zone(azure: FakeHosts) -> None:
    FailedZones.of(LAB).add("1")
    put(MACHINE, machine_body())
    put(SET, set_body(2))
    azure_step(2)
    assert azure.programs == {}
    assert provisioning_state() == "Creating"
    FailedZones.of(LAB).remove("1")
    azure_step(2)
    assert set(azure.programs) == {"cp-1", "general-1-1", "general-1-2"}
    assert provisioning_state() == "Succeeded"


def test_instances_of_a_failed_zone_come_back_when_the_zone_recovers(azure: FakeHosts) -> None:
    put(SET, set_body(2))
    azure_step()
    FailedZones.of(LAB).add("1")
    azure.programs.clear()
    azure_step(3)
    assert machines() == []
    assert manager().respond("GET", SET, {}).body["sku"]["capacity"] == 2
    FailedZones.of(LAB).add("2")
    FailedZones.of(LAB).remove("1")
    azure_step()
    assert {machine.id.rpartition("/")[2] for machine in machines()} == {"2", "3"}
