"""Tests of the machines of an emulated Azure, without hosts: creation, capacity, upgrades and losses."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import volumes
from lab.cloud.azure.group_machines import GroupMachines, provider_id
from lab.cloud.azure.remaining import remaining_resources
from lab.cloud.azure.resources import Resources
from lab.cloud.running import MachineStates, RunningMachine
from lab.errors import LabError
from tests.unit.lab.cloud.azure_resources import (
    DISK,
    GROUP,
    IDENTITY,
    LAB,
    MACHINE,
    SET,
    create_network,
    machine_body,
    manager,
    put,
    set_body,
)
from tests.unit.lab.cloud.fake_hosts import FakeHosts, use_fake_azure_hosts

PREFIX = f"{SET}/virtualMachines/"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHosts:
    fake = use_fake_azure_hosts(tmp_path, monkeypatch)
    create_network()
    return fake


def step(count: int = 1) -> None:
    for _ in range(count):
        GroupMachines(LAB).step()


def instances() -> dict[str, RunningMachine]:
    """Return the instances of the scale set that are in service, by number."""
    machines = [machine for machine in MachineStates.of(LAB).all() if machine.id.startswith(PREFIX)]
    return {item.id.removeprefix(PREFIX): item for item in machines if item.lifecycle == "InService"}


def approve_all() -> None:
    """Approve all terminations, as the boot program does after the drain."""
    for machine in MachineStates.of(LAB).all():
        if machine.lifecycle != "InService":
            MachineStates.of(LAB).update(machine.id, released=True)


def test_virtual_machine_boots_its_program_with_its_disk_and_identity(fake: FakeHosts) -> None:
    assert put(MACHINE, machine_body("one")).body["properties"]["provisioningState"] == "Creating"
    step()
    (machine,) = MachineStates.of(LAB).all()
    assert (machine.host, machine.address, machine.hostname) == ("cp-1", "10.1.0.10", "cp-1")
    assert fake.programs == {"cp-1": "one"}
    assert fake.disks == [("cp-1-data", "cp-1", "/dev/disk/azure/data/by-lun/0")]
    assert machine.identities[IDENTITY] == machine.identity
    assert len(machine.identities) == 2, "a policy of the subscription adds an identity"
    assert provider_id(machine) == f"azure://{MACHINE}"
    body = manager().respond("GET", MACHINE, {}).body
    assert body["properties"]["provisioningState"] == "Succeeded"


def test_failed_attachment_of_a_disk_is_tried_again(fake: FakeHosts, monkeypatch: pytest.MonkeyPatch) -> None:
    put(MACHINE, machine_body())
    with monkeypatch.context() as failing:
        failing.setattr(volumes, "attach", fail)
        with pytest.raises(LabError):
            step()
    assert manager().respond("GET", MACHINE, {}).body["properties"]["provisioningState"] == "Creating"
    step()
    assert [disk for disk, _, _ in fake.disks] == ["cp-1-data"]
    assert manager().respond("GET", MACHINE, {}).body["properties"]["provisioningState"] == "Succeeded"


def fail(*_: object) -> None:
    raise LabError("no free loop device")


def test_deleted_virtual_machine_keeps_interface_and_disk(fake: FakeHosts) -> None:
    put(MACHINE, machine_body())
    step()
    manager().respond("DELETE", MACHINE, {})
    step()
    assert fake.programs == {}
    assert MACHINE.lower() not in Resources.of(LAB).all()
    assert DISK.lower() in Resources.of(LAB).all()


def test_stopped_virtual_machine_is_not_replaced(fake: FakeHosts) -> None:
    put(MACHINE, machine_body())
    step()
    fake.programs.clear()
    step(2)
    assert fake.programs == {}


def test_scale_set_has_its_capacity(fake: FakeHosts) -> None:
    put(SET, set_body(2))
    step(2)
    found = instances()
    assert {machine.hostname for machine in found.values()} == {"general-1-000000", "general-1-000001"}
    assert {machine.address for machine in found.values()} == {"10.1.0.100", "10.1.0.101"}
    assert set(fake.programs) == {"general-1-1", "general-1-2"}


def test_autoscaler_changes_the_capacity_and_deletes_instances(fake: FakeHosts) -> None:
    put(SET, set_body(1))
    step()
    manager().respond("PATCH", SET, {"sku": {"capacity": 3}})
    step()
    assert set(instances()) == {"0", "1", "2"}
    manager().respond("POST", f"{SET}/delete", {"instanceIds": ["1"]})
    step()
    assert set(instances()) == {"0", "2"}
    assert manager().respond("GET", SET, {}).body["sku"]["capacity"] == 2
    assert "general-1-2" in fake.programs, "the instance drains first"
    approve_all()
    step(2)
    assert set(fake.programs) == {"general-1-1", "general-1-3"}


def test_instance_that_does_not_approve_ends_after_the_notice(
    fake: FakeHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(SET, set_body(1))
    step()
    manager().respond("PATCH", SET, {"sku": {"capacity": 0}})
    step(2)
    assert fake.programs
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 299)
    step()
    assert fake.programs
    monkeypatch.setattr(time, "time", lambda: now + 310)
    step()
    assert not fake.programs


def test_lost_instance_is_replaced_by_another(fake: FakeHosts) -> None:
    put(SET, set_body(2))
    step()
    del fake.programs[instances()["0"].host]
    step(2)
    assert set(instances()) == {"1", "2"}


def test_instance_is_reimaged_once_and_not_replaced(fake: FakeHosts) -> None:
    put(SET, set_body(2))
    step()
    manager().respond("POST", f"{PREFIX}1/reimage", {})
    step(2)
    assert fake.reimaged == [instances()["1"].host]
    assert set(instances()) == {"0", "1"}


def test_instance_that_ends_is_not_reimaged(fake: FakeHosts) -> None:
    put(SET, set_body(1))
    step()
    manager().respond("POST", f"{PREFIX}0/reimage", {})
    manager().respond("POST", f"{SET}/delete", {"instanceIds": ["0"]})
    step()
    assert fake.reimaged == []


def upgrade() -> Any:  # noqa: ANN401 — JSON
    return manager().respond("GET", f"{SET}/rollingUpgrades/latest", {}).body["properties"]


def test_new_model_replaces_instances_in_batches_with_new_ones_first(fake: FakeHosts) -> None:
    put(SET, set_body(4, "old", percent=50))
    step()
    put(SET, set_body(4, "new", percent=50))
    assert upgrade()["runningStatus"]["code"] == "RollingForward"
    fake.healthy = False
    step(3)
    assert set(instances()) == {"0", "1", "2", "3", "4", "5"}, "two more, and no old one ends before"
    fake.healthy = True
    step()
    assert set(instances()) == {"2", "3", "4", "5"}
    step()
    assert len(instances()) == 4, "a pause between two batches"
    resources = Resources.of(LAB)
    for _ in range(8):
        approve_all()
        resume(resources)
        step()
    assert set(instances()) == {"4", "5", "6", "7"}
    assert set(fake.programs.values()) == {"new"}
    assert upgrade()["runningStatus"]["code"] == "Completed"
    assert upgrade()["progress"]["successfulInstanceCount"] == 4


def resume(resources: Resources) -> None:
    """End the pause of the rolling upgrade."""

    def without_pause(resource: Any) -> Any:  # noqa: ANN401
        return replace(resource, upgrade=replace(resource.upgrade, paused_until=0.0))

    resources.change(SET, without_pause)


def test_upgrade_fails_when_new_instances_do_not_become_healthy(
    fake: FakeHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(SET, set_body(2, "old"))
    step()
    put(SET, set_body(2, "new"))
    fake.healthy = False
    step(2)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1700)
    step()
    assert upgrade()["runningStatus"]["code"] == "RollingForward"
    monkeypatch.setattr(time, "time", lambda: now + 1900)
    step()
    assert upgrade()["runningStatus"]["code"] == "Faulted"
    assert "did not become healthy" in upgrade()["error"]["message"]
    step(2)
    assert sum(program == "old" for program in fake.programs.values()) >= 1, "old nodes remain"


def test_evicted_machine_has_thirty_seconds_and_comes_back(
    fake: FakeHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(SET, set_body(1))
    step()
    manager().respond("POST", f"{SET}/virtualMachines/0/simulateEviction", {})
    (machine,) = MachineStates.of(LAB).all()
    assert (machine.lifecycle, bool(machine.spot_action)) == ("Terminated", True)
    step()
    assert set(instances()) == {"1"}
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 31)
    step()
    assert {machine.id for machine in MachineStates.of(LAB).all()} == {f"{PREFIX}1"}


def test_api_tells_which_instances_have_the_latest_model(fake: FakeHosts) -> None:
    put(SET, set_body(1, "old"))
    step()
    put(SET, set_body(1, "new"))
    (machine,) = manager().respond("GET", f"{SET}/virtualMachines", {}).body["value"]
    assert machine["properties"]["latestModelApplied"] is False
    assert machine["properties"]["osProfile"]["computerName"] == "general-1-000000"


def test_changed_tags_replace_nothing(fake: FakeHosts) -> None:
    put(SET, set_body(1))
    step()
    put(SET, set_body(1) | {"tags": {"a": "b"}})
    step(2)
    assert set(instances()) == {"0"}


def test_nothing_remains_of_a_deleted_group(fake: FakeHosts) -> None:
    put(MACHINE, machine_body())
    put(SET, set_body(2))
    step()
    manager().respond("DELETE", GROUP, {})
    for _ in range(4):
        approve_all()
        step()
    assert fake.programs == {}
    assert remaining_resources(LAB) == []
