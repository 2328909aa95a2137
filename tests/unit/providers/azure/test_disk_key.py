"""Tests of a customer key for all disks."""

from __future__ import annotations

import pytest

from providers.azure.permissions import DISK_KEY_ACTIONS
from tests.unit.components.graph import Graph, Json
from tests.unit.providers.azure.program import graph, nested_value
from tests.unit.providers.program import section

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/keys"
KEY = f"{GROUP}/providers/Microsoft.Compute/diskEncryptionSets/disks"


@pytest.fixture(scope="module")
def keyed() -> Graph:
    def edit(cluster: Json) -> None:
        section(cluster, "azure")["disk_key"] = KEY

    return graph(edit)


def test_every_disk_uses_the_key(keyed: Graph) -> None:
    disks = keyed.of_type("compute:Disk")
    assert len(disks) == 3
    for disk in disks:
        encryption = {"type": "EncryptionAtRestWithCustomerKey", "diskEncryptionSetId": KEY}
        assert disk.inputs["encryption"] == encryption
    machines = {
        machine.name: nested_value(machine.inputs, "storageProfile", "osDisk", "managedDisk")
        for machine in keyed.of_type("compute:VirtualMachine")
    } | {
        sets.name: nested_value(
            sets.inputs, "virtualMachineProfile", "storageProfile", "osDisk", "managedDisk"
        )
        for sets in keyed.of_type("compute:VirtualMachineScaleSet")
    }
    assert len(machines) > 5
    assert {disk["diskEncryptionSet"]["id"] for disk in machines.values()} == {KEY}
    (storage_class,) = keyed.of_type(":StorageClass")
    assert nested_value(storage_class.inputs, "parameters")["diskEncryptionSetID"] == KEY


def test_controllers_may_read_the_key_and_nothing_else_in_its_group(keyed: Graph) -> None:
    role = keyed.node("azure-identity-disk-key")
    assert role.inputs["scope"] == GROUP
    assert nested_value(role.inputs, "permissions", 0)["actions"] == list(DISK_KEY_ACTIONS)
    assignments = [node for node in keyed.of_type(":RoleAssignment") if node.inputs["scope"] == KEY]
    assert [node.name for node in assignments] == ["azure-identity-control-plane-disk-key"]


def test_without_a_key_disks_use_keys_of_azure() -> None:
    resources = graph()
    assert {str(disk.inputs["encryption"]) for disk in resources.of_type("compute:Disk")} == {
        "{'type': 'EncryptionAtRestWithPlatformKey'}"
    }
    assert "diskEncryptionSet" not in str([node.inputs for node in resources.nodes.values()])
    assert not [node.name for node in resources.nodes.values() if "disk-key" in node.name]
