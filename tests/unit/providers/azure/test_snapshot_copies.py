"""Tests of the copies of etcd's snapshots in another location."""

from __future__ import annotations

import pytest

from providers.azure.permissions import ADD_BLOBS
from tests.unit.components.graph import Graph, Json
from tests.unit.providers.azure.program import (
    azure_resources,
    custom_data,
    graph,
    nested_value,
    with_all_features,
)
from tests.unit.providers.program import section

LOCATION = "northeurope"
GROUP = "kubewright-azure-example-snapshots"


def with_copies(cluster: Json) -> None:
    cluster["environment"] = "production"
    section(cluster, "azure")["snapshot_copies"] = {"location": LOCATION, "keep_days": 14}


def with_copies_of_dedicated_members(cluster: Json) -> None:
    with_all_features(cluster)
    with_copies(cluster)


@pytest.fixture(scope="module")
def copied() -> Graph:
    return graph(with_copies)


def test_account_has_its_own_group_in_the_other_location(copied: Graph) -> None:
    """The group of the cluster may not answer when its location is lost."""
    group = copied.node("azure-snapshot-copies-group")
    assert (group.inputs["resourceGroupName"], group.inputs["location"]) == (GROUP, LOCATION)
    copies = [node for node in azure_resources(copied) if node.name.startswith("azure-snapshot-copies-")]
    assert {node.name.rpartition("-")[2] for node in copies} == {
        "account",
        "container",
        "expiry",
        "group",
        "retention",
    }
    assert {node.inputs["resourceGroupName"] for node in copies} == {GROUP}
    account = copied.node("azure-snapshot-copies-account").inputs
    assert account["location"] == LOCATION
    assert account["accountName"] != copied.node("azure-store-account").inputs["accountName"]


def test_account_accepts_only_tokens_and_copies_expire(copied: Graph) -> None:
    account = copied.node("azure-snapshot-copies-account").inputs
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert copied.node("azure-snapshot-copies-container").inputs["publicAccess"] == "None"
    rules = nested_value(copied.node("azure-snapshot-copies-expiry").inputs, "policy", "rules")
    delete = nested_value(rules, 0, "definition", "actions", "baseBlob", "delete")
    assert delete == {"daysAfterCreationGreaterThan": 14.0}


def test_copies_are_protected_in_production(copied: Graph) -> None:
    names = {node.name for node in copied.nodes.values() if node.protect and "snapshot-copies" in node.name}
    assert names == {f"azure-snapshot-copies-{name}" for name in ("group", "account", "container")}


@pytest.mark.parametrize(
    ("edit", "identity"),
    [(with_copies, "control-plane"), (with_copies_of_dedicated_members, "etcd")],
    ids=["control-plane", "etcd"],
)
def test_only_etcd_members_add_copies_and_none_reads_them(edit: object, identity: str) -> None:
    resources = graph(edit)  # type: ignore[arg-type]
    role = resources.node("azure-identity-copies")
    permissions = nested_value(role.inputs, "permissions", 0)
    assert permissions["dataActions"] == [ADD_BLOBS]
    assert not permissions.get("actions")
    container = "azure-snapshot-copies-container"
    assignments = [
        node for node in resources.of_type(":RoleAssignment") if container in str(node.inputs["scope"])
    ]
    assert [node.name for node in assignments] == [f"azure-identity-{identity}-copies"]
    prefix = "e-" if identity == "etcd" else "cp-"
    for machine in resources.of_type("compute:VirtualMachine"):
        program = custom_data(machine.inputs["osProfile"])
        assert ("cloud_copy()" in program) is machine.name.startswith(prefix), machine.name
        assert ("/snapshots\n" in program) is machine.name.startswith(prefix)


def test_custom_roles_are_assigned_after_their_definitions(copied: Graph) -> None:
    dependencies = copied.dependencies(copied.node("azure-identity-control-plane-copies"))
    assert {"azure-identity-copies", "azure-identity-roles-replicated"} <= dependencies


def test_without_the_setting_nothing_is_created() -> None:
    names = {node.name for node in graph().nodes.values()}
    assert not [name for name in names if "copies" in name]
