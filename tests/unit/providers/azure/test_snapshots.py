"""Tests of the snapshots of data disks: they must not prevent the deletion of the cluster."""

from __future__ import annotations

from typing import Any

from tests.unit.components.graph import Graph, Json
from tests.unit.providers.azure.program import azure_resources, graph, nested_value
from tests.unit.providers.program import section

KEPT = {"azure-snapshots-group", "azure-snapshots-vault", "azure-snapshots-policy"}


def with_snapshots(**settings: Any) -> Graph:  # noqa: ANN401 - any settings
    def edit(cluster: Json) -> None:
        section(cluster, "azure")["snapshots"] = settings

    return graph(edit)


def soft_delete_state(resources: Graph) -> str:
    (vault,) = resources.of_type(":BackupVault")
    return str(nested_value(vault.inputs, "properties", "securitySettings", "softDeleteSettings", "state"))


def test_vault_is_not_in_the_resource_group_of_the_cluster() -> None:
    """Soft-deleted backups hold the group of their vault for 14 days."""
    for node in graph().nodes.values():
        if ":dataprotection:" in node.type:
            assert node.inputs["resourceGroupName"] == "kubewright-azure-example-backup"


def test_deleted_backups_hold_the_vault_only_with_soft_delete() -> None:
    resources = graph()
    assert soft_delete_state(resources) == "Off"
    assert not [node.name for node in resources.nodes.values() if node.retained]


def test_vault_with_soft_delete_remains_after_down() -> None:
    resources = with_snapshots(soft_delete=True)
    assert soft_delete_state(resources) == "On"
    assert {node.name for node in resources.nodes.values() if node.retained} == KEPT


def test_stack_without_snapshots_has_no_vault() -> None:
    resources = with_snapshots(enabled=False)
    assert [node.name for node in azure_resources(resources) if "snapshots" in node.name] == []
