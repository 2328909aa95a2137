"""The network interfaces of the instances of scale sets, as the management API describes them.

https://learn.microsoft.com/rest/api/virtualnetwork/network-interface-in-vm-scale-set
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from lab.cloud.azure.resources import Resource
from lab.cloud.running import RunningMachine


def describe_interface(machine: RunningMachine, scale_set: Resource) -> Mapping[str, Any]:
    """Return the only network interface of an instance of a scale set."""
    profile = scale_set.properties["virtualMachineProfile"]["networkProfile"]
    (model,) = profile["networkInterfaceConfigurations"]
    id = f"{machine.id}/networkInterfaces/{model['name']}"
    unique = uuid.uuid5(uuid.NAMESPACE_URL, id)
    (configuration,) = model["properties"]["ipConfigurations"]
    group = model["properties"].get("networkSecurityGroup")
    return {
        "name": model["name"],
        "id": id,
        "etag": f'W/"{unique}"',
        "properties": {
            "provisioningState": "Succeeded",
            "resourceGuid": str(unique),
            "ipConfigurations": [_describe_address(machine, f"{id}/ipConfigurations", configuration)],
            "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
            "macAddress": "-".join(["00", "0D", "3A", *(f"{byte:02X}" for byte in unique.bytes[:3])]),
            "enableAcceleratedNetworking": bool(model["properties"].get("enableAcceleratedNetworking")),
            "enableIPForwarding": bool(model["properties"].get("enableIPForwarding")),
            **({"networkSecurityGroup": group} if group else {}),
            "primary": True,
            "virtualMachine": {"id": machine.id},
        },
    }


def _describe_address(
    machine: RunningMachine, parent: str, configuration: Mapping[str, Any]
) -> Mapping[str, Any]:
    pools = configuration["properties"].get("loadBalancerBackendAddressPools")
    return {
        "name": configuration["name"],
        "id": f"{parent}/{configuration['name']}",
        "etag": f'W/"{uuid.uuid5(uuid.NAMESPACE_URL, parent)}"',
        "properties": {
            "provisioningState": "Succeeded",
            "privateIPAddress": machine.address,
            "privateIPAllocationMethod": "Dynamic",
            "privateIPAddressVersion": "IPv4",
            "subnet": configuration["properties"]["subnet"],
            "primary": True,
            **({"loadBalancerBackendAddressPools": pools} if pools else {}),
        },
    }
