"""Tests of the emulated Azure Resource Manager: references between resources, and refused requests."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest

from lab.cloud.azure.management import balancer_targets
from lab.cloud.azure.permissions import role_permissions
from lab.cloud.azure.remaining import remaining_resources
from lab.cloud.azure.resources import Resources
from lab.cloud.azure.results import Refused
from lab.cloud.azure.role_assignments import Right, RoleAssignment
from tests.unit.lab.cloud.azure_resources import (
    DISK,
    GROUP,
    IDENTITY,
    INTERFACE,
    LAB,
    MACHINE,
    NETWORK,
    SET,
    SUBNET,
    create_network,
    machine_body,
    manager,
    put,
    set_body,
)

ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/kw{22 * '0'}"
CONTAINER = f"{ACCOUNT}/blobServices/default/containers/nodes"
BALANCER = f"{GROUP}/providers/Microsoft.Network/loadBalancers/api"
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))


def delete(id: str) -> HTTPStatus:
    return manager().respond("DELETE", id, {}).status


def test_resource_is_read_as_it_was_written() -> None:
    assert put(GROUP, {"tags": {"owner": "me"}}).status == HTTPStatus.CREATED
    assert put(GROUP, {"tags": {"owner": "you"}}).status == HTTPStatus.OK
    body = manager().respond("GET", GROUP.upper().replace("/SUBSCRIPTIONS", "/subscriptions"), {}).body
    assert (body["id"], body["name"], body["tags"]) == (GROUP, "kubewright-test", {"owner": "you"})
    assert body["properties"]["provisioningState"] == "Succeeded"


@pytest.mark.parametrize(
    ("id", "code"),
    [
        (NETWORK, "ResourceGroupNotFound"),
        (SUBNET, "ParentResourceNotFound"),
        (CONTAINER, "ParentResourceNotFound"),
    ],
)
def test_resource_needs_its_group_and_parent(id: str, code: str) -> None:
    if code == "ParentResourceNotFound":
        put(GROUP)
    with pytest.raises(Refused) as error:
        put(id)
    assert error.value.code == code


def test_resource_needs_everything_to_which_it_refers() -> None:
    put(GROUP)
    with pytest.raises(Refused, match=r"refers to .*/nodes"):
        put(MACHINE, machine_body())


def test_parts_of_resources_are_referred_to_by_name() -> None:
    create_network()
    put(BALANCER, {"properties": {"backendAddressPools": [{"name": "control-planes"}]}})
    pools = [{"id": f"{BALANCER}/backendAddressPools/control-planes"}]
    properties = {"privateIPAddress": "10.1.0.10", "loadBalancerBackendAddressPools": pools}
    interface = {"properties": {"ipConfigurations": [{"name": "primary", "properties": properties}]}}
    put(INTERFACE, interface)
    assert balancer_targets(Resources.of(LAB)) == ["10.1.0.10"]
    pools[0]["id"] = f"{BALANCER}/backendAddressPools/others"
    with pytest.raises(Refused, match=r"refers to .*/others"):
        put(INTERFACE, interface)


def test_resource_in_use_cannot_be_deleted() -> None:
    create_network()
    for id in (SUBNET, NETWORK):
        with pytest.raises(Refused, match="networkInterfaces/cp-1 uses"):
            delete(id)
    assert delete(INTERFACE) == HTTPStatus.OK
    assert delete(NETWORK) == HTTPStatus.OK
    assert remaining_resources(LAB) == [
        "Microsoft.Compute/disks cp-1-data",
        "Microsoft.ManagedIdentity/userAssignedIdentities nodes",
        "Microsoft.Resources/resourceGroups kubewright-test",
    ]
    assert delete(GROUP) == HTTPStatus.OK
    assert delete(GROUP) == HTTPStatus.NO_CONTENT
    assert remaining_resources(LAB) == []


def test_group_with_machines_is_deleted_after_them() -> None:
    create_network()
    put(SET, set_body(1))
    assert delete(GROUP) == HTTPStatus.ACCEPTED
    resources = Resources.of(LAB).all()
    assert {id for id, item in resources.items() if item.deleting} == {GROUP.lower(), SET.lower()}
    with pytest.raises(Refused, match="is being deleted"):
        put(SET, set_body(1))


@pytest.mark.parametrize(
    ("change", "path"),
    [({"location": "northeurope"}, "location"), ({"zones": ["2"]}, "zones")],
)
def test_property_that_azure_cannot_change_is_refused(change: dict[str, object], path: str) -> None:
    create_network()
    put(MACHINE, machine_body())
    with pytest.raises(Refused, match=f"cannot change {path} \\(https://"):
        put(MACHINE, machine_body() | change)
    with pytest.raises(Refused, match="customData"):
        put(MACHINE, machine_body("another program"))


def test_kind_of_a_storage_account_cannot_change() -> None:
    create_network()
    account = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/kwfiles"
    body = {"location": "westeurope", "kind": "FileStorage", "sku": {"name": "Premium_LRS"}}
    put(account, body)
    put(account, body | {"sku": {"name": "Premium_ZRS"}})
    with pytest.raises(Refused, match=r"cannot change kind \(https://"):
        put(account, body | {"kind": "StorageV2"})


def test_identities_keep_their_generated_ids() -> None:
    create_network()
    first = manager().respond("GET", IDENTITY, {}).body["properties"]
    assert first["clientId"] != first["principalId"]
    assert put(IDENTITY, {"tags": {"a": "b"}}).body["properties"] == first


def test_role_assignments_give_permissions_on_containers() -> None:
    create_network()
    put(ACCOUNT)
    put(CONTAINER)
    identity = manager().respond("GET", IDENTITY, {}).body["properties"]
    role = f"/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{READER}"
    assignment = f"{CONTAINER}/providers/Microsoft.Authorization/roleAssignments/a"
    put(assignment, {"properties": {"principalId": identity["principalId"], "roleDefinitionId": role}})
    expected = [RoleAssignment(identity["clientId"], Right.READ_BLOBS, "nodes")]
    assert role_permissions(Resources.of(LAB)) == expected
    delete(assignment)
    assert role_permissions(Resources.of(LAB)) == []


def test_disk_of_a_machine_cannot_be_deleted() -> None:
    create_network()
    put(MACHINE, machine_body())
    with pytest.raises(Refused, match="virtualMachines/cp-1 uses"):
        delete(DISK)
