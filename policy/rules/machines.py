"""Machines have no public addresses: the balancer alone has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policy.rules.model import Resource, ResourceRule, Stack, items, mapping

_SCALE_SETS = ("azure-native:compute:VirtualMachineScaleSet", "azure-native:compute:VirtualMachineScaleSetVM")
_LAUNCHED = ("aws:ec2/instance:Instance", "aws:ec2/spotInstanceRequest:SpotInstanceRequest")
_CONFIGURATION = "aws:ec2/launchConfiguration:LaunchConfiguration"


def public_machines(resource: Resource, stack: Stack) -> Iterator[str]:
    """Whatever gives a machine an address of the internet, itself or its subnet."""
    yield from _aws(resource)
    yield from _azure(resource)


def _aws(resource: Resource) -> Iterator[str]:
    inputs = resource.inputs
    if resource.kind in (*_LAUNCHED, _CONFIGURATION) and _true(inputs.get("associatePublicIpAddress")):
        yield "associatePublicIpAddress: must not be true"
    elif resource.kind == "aws:ec2/launchTemplate:LaunchTemplate":
        for number, interface in enumerate(items(inputs.get("networkInterfaces"))):
            if _true(interface.get("associatePublicIpAddress")):
                yield f"networkInterfaces[{number}].associatePublicIpAddress: must not be true"
    elif resource.kind == "aws:ec2/subnet:Subnet" and _true(inputs.get("mapPublicIpOnLaunch")):
        yield "mapPublicIpOnLaunch: must not be true, or every machine in it has a public address"
    elif resource.kind == "aws:ec2/eip:Eip" and inputs.get("instance"):
        yield "instance: a machine must have no address of its own"
    elif resource.kind == "aws:ec2/eipAssociation:EipAssociation" and inputs.get("instanceId"):
        yield "instanceId: a machine must have no address of its own"


def _azure(resource: Resource) -> Iterator[str]:
    inputs = resource.inputs
    if resource.kind == "azure-native:network:NetworkInterface":
        for number, address in enumerate(items(inputs.get("ipConfigurations"))):
            if mapping(address.get("publicIPAddress")):
                yield f"ipConfigurations[{number}].publicIPAddress: must be left out"
    elif resource.kind in _SCALE_SETS:
        profile = mapping(inputs.get("virtualMachineProfile"))
        path, profile = ("virtualMachineProfile.", profile) if profile else ("", inputs)
        yield from _configured(f"{path}networkProfile.", mapping(profile.get("networkProfile")))
    elif resource.kind == "azure-native:compute:VirtualMachine":
        yield from _configured("networkProfile.", mapping(inputs.get("networkProfile")))


def _configured(path: str, profile: Mapping[str, Any]) -> Iterator[str]:
    for number, interface in enumerate(items(profile.get("networkInterfaceConfigurations"))):
        for place, address in enumerate(items(interface.get("ipConfigurations"))):
            if mapping(address.get("publicIPAddressConfiguration")):
                at = f"networkInterfaceConfigurations[{number}].ipConfigurations[{place}]"
                yield f"{path}{at}.publicIPAddressConfiguration: must be left out"


def _true(value: object) -> bool:
    return str(value).lower() == "true"


RULES = (
    ResourceRule(
        name="no-public-machine", description="Machines have no public address.", check=public_machines
    ),
)
