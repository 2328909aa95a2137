"""Tests of the stand-in for Azure with all Azure resources of the program, in an emulated subscription."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

import pytest

from lab.cloud.azure.remaining import remaining_resources
from testkit.emulated_azure import LAB, SUBSCRIPTION, emulated_azure
from tests.programs.azure_plugins import EmulatedPlugins
from tests.unit.components.graph import Json
from tests.unit.providers.azure.program import with_pod_identities
from tests.unit.providers.program import ExampleStack, section


def with_roles_in_the_group(cluster: Json) -> None:
    """Give pods identities whose roles apply to the resource group of the cluster, which exists.

    Also copy snapshots to another location, and create volumes in file storage.
    """
    with_pod_identities(cluster)
    section(cluster, "azure")["file_storage"] = {"sku": "Premium_LRS"}
    reader = section(cluster, "azure", "pod_identities", "identities", "reader")
    section(cluster, "azure")["snapshot_copies"] = {"location": "northeurope"}
    scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/kubewright-azure-example"
    reader["roles"] = [{"role": "Storage Blob Data Reader", "scope": scope}]


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Return the environment variables of the deployer of an emulated subscription."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEWRIGHT_STATE", str(tmp_path_factory.mktemp("emulated")))
        with emulated_azure() as found:
            yield found


@pytest.fixture(scope="module")
def plugins(variables: Mapping[str, str]) -> EmulatedPlugins:
    """Return the plugins after a run of the program that created all resources of the example stack."""
    plugins = EmulatedPlugins(variables)
    ExampleStack("azure-example", lambda: plugins).graph(with_roles_in_the_group)
    return plugins


@pytest.mark.timeout(900)
def test_program_creates_all_resources_and_deletes_them(plugins: EmulatedPlugins) -> None:
    """Test that every resource can be read, is unchanged by the same inputs, and that nothing remains."""
    assert len(plugins.created) > 70
    for created in plugins.created:
        assert plugins.read(created), f"{created.urn} does not exist"
        diff = plugins.provider.diff(created.urn, created.state, created.inputs, created.inputs, [])
        assert not asyncio.run(diff).changes, created.urn
    assert "Microsoft.Compute/virtualMachines cp-1" in remaining_resources(LAB)
    for created in reversed(plugins.created):
        asyncio.run(plugins.provider.delete(created.urn, created.identity, created.state, timeout=0))
    assert remaining_resources(LAB) == []
    assert not any(plugins.read(created) for created in plugins.created)
