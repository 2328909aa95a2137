"""The descriptor of Azure: resource types, readers of resource inputs, prices, and the provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from providers.azure.resources import READERS
from providers.descriptor import MIB, CloudDescriptor, ResourceTypes
from topology.model import Size

if TYPE_CHECKING:
    from components.provider import Provider
    from components.scope import Scope
    from nodeconfig.bundle import Bundle
    from providers.cloud.requests import CloudMachines, CopyStore
    from settings.cluster import Settings
    from topology.model import Role, Topology

_TYPES = ResourceTypes(
    machines=("azure-native:compute:VirtualMachine",),
    machine_groups=("azure-native:compute:VirtualMachineScaleSet",),
    launch_templates=(),
    machine_inputs=("virtualMachineProfile",),
    cost_inputs=("hardwareProfile", "sku"),
    stores=("azure-native:storage:StorageAccount",),
    store_encryptions=(),
    public_access_blocks=(),
    # A resource group is deleted together with all of its resources.
    stateful=(
        "azure-native:compute:Disk",
        "azure-native:storage:StorageAccount",
        "azure-native:storage:BlobContainer",
        "azure-native:dataprotection:BackupVault",
        "azure-native:resources:ResourceGroup",
    ),
    api_endpoints=("azure-native:network:LoadBalancer", "azure-native:network:PublicIPAddress"),
    tags_required=frozenset(
        {
            "azure-native:compute:Disk",
            "azure-native:compute:VirtualMachine",
            "azure-native:compute:VirtualMachineScaleSet",
            "azure-native:keyvault:Vault",
            "azure-native:network:LoadBalancer",
            "azure-native:network:NatGateway",
            "azure-native:network:NetworkInterface",
            "azure-native:network:NetworkSecurityGroup",
            "azure-native:network:PublicIPAddress",
            "azure-native:network:VirtualNetwork",
            "azure-native:resources:ResourceGroup",
            "azure-native:storage:StorageAccount",
        }
    ),
    resized=("azure-native:compute:VirtualMachineScaleSet",),
)


def _machine_prices(region: str) -> Mapping[str, float] | None:
    from providers.azure.prices import PRICES

    return PRICES[region].machines if region in PRICES else None


def _machine_size(machine_type: str) -> Size | None:
    from providers.azure.machine_types import type_table

    known = type_table().types.get(machine_type)
    return Size(cpus=known.vcpus, memory=known.memory * MIB) if known else None


def _create_provider(
    settings: Settings,
    topology: Topology,
    files: Mapping[str, str],
    bundles: Mapping[tuple[str, Role], Bundle],
    scope: Scope,
) -> Provider:
    from providers.azure.provider import AzureProvider

    return AzureProvider(settings, topology, files, bundles, scope)


def _open_machines(settings: Settings, variables: Mapping[str, str]) -> CloudMachines:
    from providers.azure.requests import open_machines

    return open_machines(settings, variables)


def _open_copies(settings: Settings, variables: Mapping[str, str]) -> CopyStore:
    from providers.azure.requests import open_copies

    return open_copies(settings, variables)


AZURE = CloudDescriptor(
    settings_section="azure",
    title="Azure",
    plugin="azure-native",
    types=_TYPES,
    readers=READERS,
    machine_prices=_machine_prices,
    machine_size=_machine_size,
    create_provider=_create_provider,
    open_machines=_open_machines,
    open_copies=_open_copies,
)
