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
from urllib.parse import quote

from pulumi.runtime import mocks

from lab.cloud.azure.deployer import environment_variables
from lab.cloud.azure.permissions import role_rights
from lab.cloud.azure.recorded_sets import record_scale_set
from lab.cloud.azure.role_assignments import Right, RoleAssignment, write_assignments
from lab.cloud.running import RunningMachine
from lab.plugins.azure_native.catalogue import KINDS
from lab.plugins.azure_native.subscription import Subscription
from tests.clouds.azure import LOCATION, EmulatedAzure, MachineStart
from tests.unit.components.certificates import CertificatePluginMocks
from tests.unit.components.graph import Graph, Json, without_secret_marks

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
FIRST_WORKER = 100
"""The number of the first worker's address in its subnet."""

POLICY_IDENTITY = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/governance/providers/Microsoft.ManagedIdentity/"
    "userAssignedIdentities/monitoring"
)
"""An identity that a policy of the subscription adds to every machine."""

GIB = 1024**3


class AzurePluginMocks(CertificatePluginMocks):
    """Mocks that create the resources of machines in the emulator. Every resource has an id in Azure's
    format.
    """

    def __init__(self, azure: EmulatedAzure) -> None:
        super().__init__()
        self._azure = azure
        self._account = Subscription(SUBSCRIPTION, environment_variables(azure.lab))
        self._lock = threading.Lock()
        self._assignments: list[RoleAssignment] = []
        self._identities: dict[str, str] = {}
        self._principals: dict[str, str] = {}
        self._inputs: dict[str, Mapping[str, Any]] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, Json]:
        """Create a resource that the engine requests from a plugin."""
        if not args.typ.startswith("azure-native:"):
            identity, state = super().new_resource(args)
            return identity, {"publicKeyOpenssh": "ssh-rsa AAAA", **state}
        # Pulumi calls mocks from several threads.
        with self._lock:
            return self._record_resource(args, without_secret_marks(args.inputs))

    def _record_resource(self, args: mocks.MockResourceArgs, inputs: Mapping[str, Any]) -> tuple[str, Json]:
        kind = args.typ.rpartition(":")[2]
        identity = self._resource_id(args.typ, inputs)
        name = identity.rpartition("/")[2]
        self._inputs[identity] = inputs
        create = getattr(self, f"_{kind}", None)
        outputs = create(identity, inputs) if create is not None else {}
        state: Json = {"name": name, **args.inputs, **outputs}
        assigned_identity = inputs.get("identity")
        if isinstance(assigned_identity, Mapping):
            ids = {
                id: {"clientId": "", "principalId": ""}
                for id in assigned_identity.get("userAssignedIdentities", ())
            }
            state["identity"] = {**assigned_identity, "principalId": identity, "userAssignedIdentities": ids}
        return identity, state

    def call(self, args: mocks.MockCallArgs) -> tuple[Json, list[tuple[str, str]] | None]:
        """Return the result of a provider function that the program calls."""
        results: dict[str, Json] = {
            "getClientConfig": {"subscriptionId": SUBSCRIPTION, "tenantId": SUBSCRIPTION, "objectId": "test"}
        }
        name = args.token.rpartition(":")[2]
        if name not in results:
            raise AssertionError(f"the program calls an unknown function of Azure: {args.token}")
        return {**args.args, **results[name]}, []

    def starts(self, graph: Graph, sizes: Mapping[str, int]) -> list[MachineStart]:
        """Return the machines to start: each member, and `sizes` machines (or the capacity) of each scale
        set.
        """
        members = [
            self._member(node.urn, without_secret_marks(node.inputs))
            for node in graph.of_type("compute:VirtualMachine")
        ]
        workers: list[MachineStart] = []
        numbers = itertools.count(FIRST_WORKER)
        for node in graph.of_type("compute:VirtualMachineScaleSet"):
            inputs = without_secret_marks(node.inputs)
            count = sizes.get(inputs["vmScaleSetName"], int(inputs["sku"]["capacity"]))
            workers += [self._worker(inputs, number, next(numbers)) for number in range(count)]
        return [*members, *workers]

    def _member(self, _: str, inputs: Mapping[str, Any]) -> MachineStart:
        interface = self._inputs[inputs["networkProfile"]["networkInterfaces"][0]["id"]]
        disks = []
        for disk in sorted(inputs["storageProfile"]["dataDisks"], key=lambda item: int(item["lun"])):
            disk_inputs = self._inputs[disk["managedDisk"]["id"]]
            disks.append((str(disk_inputs["diskName"]), int(disk_inputs["diskSizeGB"]) * GIB))
        machine = RunningMachine(
            id=self._resource_id("azure-native:compute:VirtualMachine", inputs),
            host=inputs["vmName"],
            address=interface["ipConfigurations"][0]["privateIPAddress"],
            hostname=inputs["osProfile"]["computerName"],
            zone=inputs["zones"][0],
            region=LOCATION,
            identity=self._client_id(inputs),
            identities=self._client_ids(inputs),
            group="",
            type=inputs["hardwareProfile"]["vmSize"],
        )
        return MachineStart(machine, _boot_program(inputs["osProfile"], inputs), tuple(disks))

    def _worker(self, inputs: Mapping[str, Any], number: int, address_number: int) -> MachineStart:
        profile = inputs["virtualMachineProfile"]
        interface = profile["networkProfile"]["networkInterfaceConfigurations"][0]
        subnet = self._inputs[interface["ipConfigurations"][0]["subnet"]["id"]]
        prefix = subnet.get("addressPrefix") or subnet["addressPrefixes"][0]
        name = inputs["vmScaleSetName"]
        scale_set_id = self._resource_id("azure-native:compute:VirtualMachineScaleSet", inputs)
        machine = RunningMachine(
            id=f"{scale_set_id}/virtualMachines/{number}",
            host=f"{name}-{number}",
            address=str(IPv4Network(prefix)[address_number]),
            hostname=f"{profile['osProfile']['computerNamePrefix']}{number:06d}",
            zone=inputs["zones"][0],
            region=LOCATION,
            identity=self._client_id(inputs),
            identities=self._client_ids(inputs),
            group=name,
            type=inputs["sku"]["name"],
        )
        return MachineStart(machine, _boot_program(profile["osProfile"], inputs), ())

    def _client_id(self, inputs: Mapping[str, Any]) -> str:
        (identity,) = inputs["identity"]["userAssignedIdentities"]
        return self._identities[identity]

    def _client_ids(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        """Return the client ids of the machine's own identity and of one that a policy has added."""
        (identity,) = inputs["identity"]["userAssignedIdentities"]
        return {identity: self._identities[identity], POLICY_IDENTITY: str(uuid.uuid4())}

    def _resource_id(self, token: str, inputs: Mapping[str, Any]) -> str:
        """Return the id of a resource as Azure writes it: programs on machines compare ids."""
        return KINDS[token].id(self._account, dict(inputs))

    # Methods for the types of resources that machines use

    def _UserAssignedIdentity(self, identity: str, _: Mapping[str, Any]) -> Json:
        client, principal = (str(uuid.uuid5(uuid.NAMESPACE_URL, identity + part)) for part in ("c", "p"))
        self._identities[identity] = client
        self._principals[principal] = client
        return {"clientId": client, "principalId": principal, "tenantId": SUBSCRIPTION}

    def _RoleAssignment(self, _: str, inputs: Mapping[str, Any]) -> Json:
        role = inputs["roleDefinitionId"]
        permissions = self._inputs[role]["permissions"] if role in self._inputs else []
        container = inputs["scope"].partition("/containers/")[2]
        for right in role_rights(role.rpartition("/")[2], permissions):
            on_machines = right is Right.READ_MACHINES
            assert container or on_machines, "a permission on the whole store"
            scope = inputs["scope"] if on_machines else container
            self._assignments.append(RoleAssignment(self._principals[inputs["principalId"]], right, scope))
        write_assignments(self._azure.lab, self._assignments)
        return {}

    def _VirtualMachineScaleSet(self, identity: str, _: Mapping[str, Any]) -> Json:
        record_scale_set(self._azure.lab, identity)
        return {}


def _boot_program(profile: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """Return the custom data of a machine. Fail if it asks for another identity than the machine has."""
    program = base64.b64decode(profile["customData"])
    assert len(program) <= 65535
    (identity,) = inputs["identity"]["userAssignedIdentities"]
    assert quote(identity, safe="") in program.decode(), f"the boot program does not name {identity}"
    return program.decode()
