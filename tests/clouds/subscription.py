"""Mocks of the Azure plugin. They create blobs and permissions in the emulator and only record other
resources.
"""

from __future__ import annotations

import base64
import itertools
import threading
import uuid
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any

from pulumi.runtime import mocks

from lab.cloud.azure.role_assignments import Grant, Right, assign
from lab.cloud.running import RunningMachine
from tests.clouds.azure import LOCATION, Azure, Start
from tests.unit.components.certificates import Engine
from tests.unit.components.graph import Graph, Json, without_secret_marks

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
FIRST_WORKER = 100
"""The number of the first worker's address in its subnet."""

# learn.microsoft.com/azure/role-based-access-control/built-in-roles
_ROLES = {
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": (Right.READ_BLOBS,),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": (Right.READ_BLOBS, Right.WRITE_BLOBS),
}
_NAMED = {
    "VirtualMachine": "vmName",
    "VirtualMachineScaleSet": "vmScaleSetName",
    "Disk": "diskName",
    "NetworkInterface": "networkInterfaceName",
    "UserAssignedIdentity": "resourceName",
    "StorageAccount": "accountName",
    "BlobContainer": "containerName",
    "Subnet": "subnetName",
    "VirtualNetwork": "virtualNetworkName",
    "ResourceGroup": "resourceGroupName",
    "BackupVault": "vaultName",
    "NetworkSecurityGroup": "networkSecurityGroupName",
    "PrivateEndpoint": "privateEndpointName",
    "PrivateZone": "privateZoneName",
}
GIB = 1024**3


class Subscription(Engine):
    """Mocks that create the resources of machines in the emulator. Every resource has an id in Azure's
    format.
    """

    def __init__(self, azure: Azure) -> None:
        super().__init__()
        self._azure = azure
        self._turn = threading.Lock()
        self._grants: list[Grant] = []
        self._identities: dict[str, str] = {}
        self._principals: dict[str, str] = {}
        self._inputs: dict[str, Mapping[str, Any]] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, Json]:
        """Create a resource that the engine requests from a plugin."""
        if not args.typ.startswith("azure-native:"):
            identity, state = super().new_resource(args)
            return identity, {"publicKeyOpenssh": "ssh-rsa AAAA", **state}
        # Pulumi calls mocks from several threads.
        with self._turn:
            return self._new(args, without_secret_marks(args.inputs))

    def _new(self, args: mocks.MockResourceArgs, inputs: Mapping[str, Any]) -> tuple[str, Json]:
        kind = args.typ.rpartition(":")[2]
        name = str(inputs.get(_NAMED.get(kind, ""), args.name))
        identity = self._id(args.typ, name, inputs)
        self._inputs[identity] = inputs
        make = getattr(self, f"_{kind}", None)
        more = make(identity, inputs) if make is not None else {}
        state: Json = {"name": name, **args.inputs, **more}
        given = inputs.get("identity")
        if isinstance(given, Mapping):
            ids = {id: {"clientId": "", "principalId": ""} for id in given.get("userAssignedIdentities", ())}
            state["identity"] = {**given, "principalId": identity, "userAssignedIdentities": ids}
        return identity, state

    def call(self, args: mocks.MockCallArgs) -> tuple[Json, list[tuple[str, str]] | None]:
        """Return the result of a provider function that the program calls."""
        known: dict[str, Json] = {
            "getClientConfig": {"subscriptionId": SUBSCRIPTION, "tenantId": SUBSCRIPTION, "objectId": "test"}
        }
        name = args.token.rpartition(":")[2]
        if name not in known:
            raise AssertionError(f"the program calls an unknown function of Azure: {args.token}")
        return {**args.args, **known[name]}, []

    def starts(self, graph: Graph, sizes: Mapping[str, int]) -> list[Start]:
        """Return the machines to start: each member, and `sizes` machines (or the capacity) of each scale
        set.
        """
        members = [
            self._member(node.urn, without_secret_marks(node.inputs))
            for node in graph.of_type("compute:VirtualMachine")
        ]
        workers: list[Start] = []
        numbers = itertools.count(FIRST_WORKER)
        for node in graph.of_type("compute:VirtualMachineScaleSet"):
            inputs = without_secret_marks(node.inputs)
            count = sizes.get(inputs["vmScaleSetName"], int(inputs["sku"]["capacity"]))
            workers += [self._worker(inputs, number, next(numbers)) for number in range(count)]
        return [*members, *workers]

    def _member(self, _: str, inputs: Mapping[str, Any]) -> Start:
        interface = self._inputs[inputs["networkProfile"]["networkInterfaces"][0]["id"]]
        disks = []
        for disk in sorted(inputs["storageProfile"]["dataDisks"], key=lambda item: int(item["lun"])):
            made = self._inputs[disk["managedDisk"]["id"]]
            disks.append((str(made["diskName"]), int(made["diskSizeGB"]) * GIB))
        machine = RunningMachine(
            id=self._id("azure-native:compute:VirtualMachine", inputs["vmName"], inputs),
            host=inputs["vmName"],
            address=interface["ipConfigurations"][0]["privateIPAddress"],
            hostname=inputs["osProfile"]["computerName"],
            zone=inputs["zones"][0],
            region=LOCATION,
            identity=self._client(inputs),
            group="",
            type=inputs["hardwareProfile"]["vmSize"],
        )
        return Start(machine, _text(inputs["osProfile"]["customData"]), tuple(disks))

    def _worker(self, inputs: Mapping[str, Any], number: int, place: int) -> Start:
        profile = inputs["virtualMachineProfile"]
        interface = profile["networkProfile"]["networkInterfaceConfigurations"][0]
        subnet = self._inputs[interface["ipConfigurations"][0]["subnet"]["id"]]
        prefix = subnet.get("addressPrefix") or subnet["addressPrefixes"][0]
        name = inputs["vmScaleSetName"]
        of_set = self._id("azure-native:compute:VirtualMachineScaleSet", name, inputs)
        machine = RunningMachine(
            id=f"{of_set}/virtualMachines/{number}",
            host=f"{name}-{number}",
            address=str(IPv4Network(prefix)[place]),
            hostname=f"{profile['osProfile']['computerNamePrefix']}{number:06d}",
            zone=inputs["zones"][0],
            region=LOCATION,
            identity=self._client(inputs),
            group=name,
            type=inputs["sku"]["name"],
        )
        return Start(machine, _text(profile["osProfile"]["customData"]), ())

    def _client(self, inputs: Mapping[str, Any]) -> str:
        (identity,) = inputs["identity"]["userAssignedIdentities"]
        return self._identities[identity]

    @staticmethod
    def _id(token: str, name: str, inputs: Mapping[str, Any]) -> str:
        _, module, kind = token.split(":")
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{inputs.get('resourceGroupName', name)}"
        if kind == "ResourceGroup":
            return group
        word = kind[0].lower() + kind[1:] + "s"
        return f"{group}/providers/Microsoft.{module[0].upper()}{module[1:]}/{word}/{name}"

    # Methods for the types of resources that machines use

    def _UserAssignedIdentity(self, identity: str, _: Mapping[str, Any]) -> Json:
        client, principal = (str(uuid.uuid5(uuid.NAMESPACE_URL, identity + part)) for part in ("c", "p"))
        self._identities[identity] = client
        self._principals[principal] = client
        return {"clientId": client, "principalId": principal, "tenantId": SUBSCRIPTION}

    def _RoleAssignment(self, _: str, inputs: Mapping[str, Any]) -> Json:
        actions = _ROLES.get(inputs["roleDefinitionId"].rpartition("/")[2], ())
        container = inputs["scope"].partition("/blobContainers/")[2]
        assert container or not actions, "a permission on the whole store"
        self._grants += [
            Grant(self._principals[inputs["principalId"]], right, container) for right in actions
        ]
        assign(self._azure.lab, self._grants)
        return {}

    def _Blob(self, _: str, inputs: Mapping[str, Any]) -> Json:
        self._azure.put(f"{inputs['containerName']}/{inputs['blobName']}", inputs["source"].text)
        return {}


def _text(data: str) -> str:
    program = base64.b64decode(data)
    assert len(program) <= 65535
    return program.decode()
