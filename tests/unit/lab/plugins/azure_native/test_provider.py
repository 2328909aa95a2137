"""Tests of the stand-in for Azure that need no emulated subscription, or only an empty one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.cloud.azure.remaining import remaining_resources
from lab.plugins.azure_native.catalogue import KINDS
from lab.plugins.azure_native.provider import AzureProvider
from lab.plugins.azure_native.subscription import Subscription, is_emulated
from lab.plugins.runtime.errors import PluginError
from testkit.emulated_azure import LAB, SUBSCRIPTION, emulated_azure

GROUP = "urn:pulumi:test::kubewright::azure-native:resources:ResourceGroup::group"
SET = "urn:pulumi:test::kubewright::azure-native:compute:VirtualMachineScaleSet::pool"
NETWORK = "urn:pulumi:test::kubewright::azure-native:network:VirtualNetwork::net"
NAME = {"resourceGroupName": "kubewright-test", "location": "westeurope"}


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureProvider]:
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
    with emulated_azure() as variables:
        provider = AzureProvider(variables)
        asyncio.run(provider.configure({"subscriptionId": SUBSCRIPTION}))
        yield provider


def create(provider: AzureProvider, urn: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return asyncio.run(provider.create(urn, inputs, preview=False, timeout=0))


@pytest.mark.parametrize("variables", [{}, {"KUBEWRIGHT_LAB_AZURE": "https://127.0.0.1:9"}])
def test_only_an_emulated_subscription_is_used(variables: dict[str, str]) -> None:
    assert not is_emulated(variables)
    with pytest.raises(PluginError, match="only the driver of a stack with a lab on Azure sets it"):
        Subscription(SUBSCRIPTION, variables)


def test_without_an_emulated_subscription_only_previews_work() -> None:
    provider = AzureProvider({"ARM_CLIENT_SECRET": "of an account"})
    asyncio.run(provider.configure({"subscriptionId": SUBSCRIPTION}))
    _, state = asyncio.run(provider.create(GROUP, NAME, preview=True, timeout=0))
    assert state["location"] == "westeurope"
    with pytest.raises(PluginError, match="supports only previews"):
        create(provider, GROUP, NAME)


def test_resource_is_created_changed_and_deleted(provider: AzureProvider) -> None:
    identity, state = create(provider, GROUP, NAME)
    assert identity == f"/subscriptions/{SUBSCRIPTION}/resourceGroups/kubewright-test"
    assert state["name"] == "kubewright-test"
    news = {**NAME, "tags": {"a": "b"}}
    asyncio.run(provider.update(GROUP, state, NAME, news, preview=False, timeout=0))
    moved = {**NAME, "location": "northeurope"}
    with pytest.raises(PluginError, match=r"PropertyChangeNotAllowed: .* location"):
        asyncio.run(provider.update(GROUP, state, NAME, moved, preview=False, timeout=0))
    asyncio.run(provider.delete(GROUP, identity, state, timeout=0))
    assert remaining_resources(LAB) == []
    assert asyncio.run(provider.read(GROUP, identity, state, NAME)) == ({}, {})


def test_refused_values_are_listed_before_the_request(provider: AzureProvider) -> None:
    create(provider, GROUP, NAME)
    inputs = {**NAME, "virtualNetworkName": "n" * 65, "addresSpace": {}, "tags": {"a/b": "c"}}
    with pytest.raises(PluginError, match=r"addresSpace: there is no such property; \(name\): .*; tags: "):
        create(provider, NETWORK, inputs)
    assert remaining_resources(LAB) == ["Microsoft.Resources/resourceGroups kubewright-test"]


def test_read_finds_the_size_that_the_autoscaler_has_chosen(provider: AzureProvider) -> None:
    create(provider, GROUP, NAME)
    sku = {"name": "Standard_D2s_v5", "capacity": 2}
    inputs = {**NAME, "vmScaleSetName": "general-1", "sku": sku}
    identity, state = create(provider, SET, inputs)
    kind = KINDS["azure-native:compute:VirtualMachineScaleSet"]
    assert provider._account is not None
    provider._account.call("PATCH", identity, kind.version, {"sku": {"capacity": 3}})
    current, current_inputs = asyncio.run(provider.read(SET, identity, state, inputs))
    assert current_inputs["sku"] == {"name": "Standard_D2s_v5", "capacity": 3}
    assert current["sku"]["capacity"] == 3


def test_unknown_type_is_refused_with_the_file_to_change(provider: AzureProvider) -> None:
    urn = "urn:pulumi:test::kubewright::azure-native:network:RouteTable::routes"
    with pytest.raises(PluginError, match=r"add it to lab/plugins/azure_native/catalogue\.py"):
        create(provider, urn, NAME)
