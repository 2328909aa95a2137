"""Resources of an emulated Azure for tests."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from lab.cloud.azure.resource_manager import ResourceManager
from lab.cloud.azure.results import Response

LAB = "unit"
URL = "https://10.0.0.1:8443"
GROUP = "/subscriptions/s/resourceGroups/kubewright-test"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/test"
SUBNET = f"{NETWORK}/subnets/pools"
INTERFACE = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/cp-1"
DISK = f"{GROUP}/providers/Microsoft.Compute/disks/cp-1-data"
MACHINE = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/cp-1"
SET = f"{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/general-1"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/nodes"


def manager() -> ResourceManager:
    """Return the API of the lab `LAB`."""
    return ResourceManager(LAB, URL)


def put(id: str, body: Mapping[str, Any] | None = None) -> Response:
    """Create or change a resource."""
    return manager().respond("PUT", id, {"location": "westeurope", **(body or {})})


def create_network() -> None:
    """Create a resource group with a network, a subnet, an interface, a disk and an identity."""
    put(GROUP)
    put(NETWORK, {"properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}})
    put(SUBNET, {"properties": {"addressPrefix": "10.1.0.0/24"}})
    configuration = {"privateIPAddress": "10.1.0.10", "subnet": {"id": SUBNET}}
    put(INTERFACE, {"properties": {"ipConfigurations": [{"name": "primary", "properties": configuration}]}})
    put(DISK, {"properties": {"diskSizeGB": 10}})
    put(IDENTITY)


def machine_body(program: str = "#!/bin/sh\n") -> dict[str, Any]:
    """Return the body of a virtual machine with this boot program."""
    return {
        "zones": ["1"],
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}},
        "properties": {
            "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
            "osProfile": {"computerName": "cp-1", "customData": encode(program)},
            "networkProfile": {"networkInterfaces": [{"id": INTERFACE, "properties": {"primary": True}}]},
            "storageProfile": {"dataDisks": [{"lun": 0, "managedDisk": {"id": DISK}}]},
        },
    }


def set_body(capacity: int, program: str = "#!/bin/sh\n", percent: int = 20) -> dict[str, Any]:
    """Return the body of a scale set with rolling upgrades and termination notices of five minutes."""
    configuration = {"name": "primary", "properties": {"subnet": {"id": SUBNET}}}
    interface = {"name": "primary", "properties": {"ipConfigurations": [configuration]}}
    return {
        "zones": ["1"],
        "sku": {"name": "Standard_D4s_v5", "capacity": capacity},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}},
        "properties": {
            "upgradePolicy": {
                "mode": "Rolling",
                "rollingUpgradePolicy": {"maxBatchInstancePercent": percent, "maxSurge": True},
            },
            "virtualMachineProfile": {
                "osProfile": {"computerNamePrefix": "general-1-", "customData": encode(program)},
                "networkProfile": {"networkInterfaceConfigurations": [interface]},
                "scheduledEventsProfile": {
                    "terminateNotificationProfile": {"enable": True, "notBeforeTimeout": "PT5M"}
                },
            },
        },
    }


def encode(program: str) -> str:
    """Return a boot program as custom data."""
    return base64.b64encode(program.encode()).decode()
