"""Tests of the permissions and resources for the bootstrap tokens of machines in pools on Azure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from providers.azure.permissions import ADD_BLOBS, BLOB_READER
from tests.unit.components.graph import Graph, Node
from tests.unit.providers.azure.program import nested_value

JOINS = "azure-store-joins-id"


def joins_role(resources: Graph) -> Node:
    (role,) = (node for node in resources.of_type(":RoleDefinition") if node.name == "azure-identity-joins")
    return role


def test_role_of_pools_adds_blobs_and_nothing_else(resources: Graph) -> None:
    (permission,) = cast(list[Mapping[str, Any]], joins_role(resources).inputs["permissions"])
    assert permission == {"actions": [], "dataActions": [ADD_BLOBS]}


def test_only_pools_add_tokens_and_only_control_planes_read_them(resources: Graph) -> None:
    found = {
        (str(node.inputs["principalId"]), str(node.inputs["roleDefinitionId"]).rsplit("/", 1)[-1])
        for node in resources.of_type(":RoleAssignment")
        if node.inputs["scope"] == JOINS
    }
    pools = {node.name.rsplit("-", 1)[0] for node in resources.of_type(":VirtualMachineScaleSet")}
    assert pools
    expected = {(f"azure-identity-{pool}-principal", "azure-identity-joins-id") for pool in pools}
    assert found == expected | {("azure-identity-control-plane-principal", BLOB_READER)}
    assert not [
        node
        for node in resources.of_type(":RoleAssignment")
        if node.inputs["roleDefinitionId"] == "azure-identity-joins-id" and node.inputs["scope"] != JOINS
    ]


def test_tokens_are_deleted_after_a_day(resources: Graph) -> None:
    (policy,) = resources.of_type(":ManagementPolicy")
    rules = {
        rule["name"]: rule["definition"]
        for rule in cast(list[Mapping[str, Any]], nested_value(policy.inputs, "policy", "rules"))
    }
    assert rules["joins"]["filters"]["prefixMatch"] == ["joins/"]
    assert set(rules["joins"]["filters"]["blobTypes"]) == {"blockBlob", "appendBlob"}
    delete = rules["joins"]["actions"]["baseBlob"]["delete"]
    assert delete == {"daysAfterCreationGreaterThan": 1.0}
    assert "prefixMatch" not in rules["old-versions"]["filters"]


def test_container_of_tokens_is_private(resources: Graph) -> None:
    (container,) = (
        node for node in resources.of_type(":BlobContainer") if node.inputs["containerName"] == "joins"
    )
    assert container.inputs["publicAccess"] == "None"
