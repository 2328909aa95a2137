"""Launches of machines: the data that Azure reads from virtual machines and scale sets."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from lab.cloud.azure.resources import Resource, Resources
from lab.cloud.azure.scale_set_api import model_digest
from lab.cloud.machines import Launch, numbered_host
from lab.cloud.running import RunningMachine

FIRST_ADDRESS = 100
"""The number of the first address in a subnet for instances of scale sets."""
_GIB = 1024**3
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Launcher:
    """Describes the machines of the resources of a lab."""

    def __init__(self, lab: str) -> None:
        self._resources = Resources.of(lab)

    def machine(self, resource: Resource) -> Launch:
        """Return the launch of a virtual machine. Raise LookupError if its interface is missing."""
        properties, resources = resource.properties, self._resources.all()
        interface = resources[_interface(resource).lower()]
        profile = properties["osProfile"]
        machine = RunningMachine(
            id=resource.id,
            host=resource.name,
            address=_address(interface),
            hostname=str(profile["computerName"]).lower(),
            zone=_zone(resource),
            region=str(resource.body["location"]),
            identity=next(iter(self._identities(resource).values()), ""),
            identities=self._all_identities(resource),
            group="",
            type=properties["hardwareProfile"]["vmSize"],
        )
        return Launch(machine, _user_data(profile))

    def instances(self, resource: Resource, count: int, machines: Sequence[RunningMachine]) -> list[Launch]:
        """Return the launches of `count` instances of a scale set. `machines` are all existing machines."""
        profile = resource.properties["virtualMachineProfile"]
        taken = [*machines]
        launches = []
        for number in range(resource.next_instance, resource.next_instance + count):
            machine = RunningMachine(
                id=f"{resource.id}/virtualMachines/{number}",
                host=numbered_host(resource.name, {machine.host for machine in taken}),
                address=self._free_address(profile, {machine.address for machine in taken}),
                hostname=f"{profile['osProfile']['computerNamePrefix']}{_instance_suffix(number)}".lower(),
                zone=_zone(resource),
                region=str(resource.body["location"]),
                identity=next(iter(self._identities(resource).values()), ""),
                identities=self._all_identities(resource),
                group=resource.name,
                type=resource.body["sku"]["name"],
                template=resource.id,
                version=model_digest(resource),
            )
            taken.append(machine)
            launches.append(Launch(machine, _user_data(profile["osProfile"])))
        return launches

    def data_disks(self, machine: RunningMachine) -> list[tuple[int, str, int]]:
        """Return number, name and size in bytes of the data disks of a virtual machine."""
        resources = self._resources.all()
        resource = resources.get(machine.id.lower())
        disks = resource.properties["storageProfile"].get("dataDisks", []) if resource is not None else []
        found = [(int(disk["lun"]), resources[disk["managedDisk"]["id"].lower()]) for disk in disks]
        return [(lun, disk.name, int(disk.properties["diskSizeGB"]) * _GIB) for lun, disk in found]

    def _free_address(self, profile: Mapping[str, Any], taken: set[str]) -> str:
        (interface,) = profile["networkProfile"]["networkInterfaceConfigurations"]
        (configuration,) = interface["properties"]["ipConfigurations"]
        subnet = self._resources.all()[configuration["properties"]["subnet"]["id"].lower()]
        network = IPv4Network(subnet.properties["addressPrefix"])
        addresses = (str(network[number]) for number in range(FIRST_ADDRESS, network.num_addresses - 1))
        return next(address for address in addresses if address not in taken)

    def _identities(self, resource: Resource) -> dict[str, str]:
        """Return the client ids of the identities of a machine, by resource id."""
        assigned = resource.body.get("identity", {}).get("userAssignedIdentities") or {}
        resources = self._resources.all()
        return {id: resources[id.lower()].properties["clientId"] for id in assigned}

    def _all_identities(self, resource: Resource) -> dict[str, str]:
        """Return the identities of a machine, and one that a policy of the subscription has added."""
        subscription = "/".join(resource.id.split("/")[:3])
        policy = (
            f"{subscription}/resourceGroups/governance/providers/"
            "Microsoft.ManagedIdentity/userAssignedIdentities/monitoring"
        )
        return self._identities(resource) | {policy: str(uuid.uuid5(uuid.NAMESPACE_URL, resource.id))}


def _interface(resource: Resource) -> str:
    (interface,) = resource.properties["networkProfile"]["networkInterfaces"]
    return str(interface["id"])


def _address(interface: Resource) -> str:
    (configuration,) = interface.properties["ipConfigurations"]
    return str(configuration["properties"]["privateIPAddress"])


def _zone(resource: Resource) -> str:
    return str((resource.body.get("zones") or [""])[0])


def _user_data(profile: Mapping[str, Any]) -> str:
    return base64.b64decode(profile["customData"]).decode()


def _instance_suffix(number: int) -> str:
    """Return the number of an instance as six digits to the base 36, as in names of hosts."""
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text.rjust(6, "0")
