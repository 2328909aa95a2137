"""What machines may do: one managed identity for each kind of member and each pool.

Every identity reads its own container of the store and writes its own container of statuses. Control
planes may do more: the cloud controller, the disk driver and the autoscaler run there with their identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_azure_native.authorization import PermissionArgs, RoleAssignment, RoleDefinition
from pulumi_azure_native.managedidentity import UserAssignedIdentity

from providers.azure.names import Names

BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
"""Storage Blob Data Reader (learn.microsoft.com/azure/role-based-access-control/built-in-roles)."""
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
"""Storage Blob Data Contributor: writing a status makes and replaces a blob, which needs no less."""

_NETWORK_ACTIONS = (
    "Microsoft.Network/virtualNetworks/read",
    # A balancer whose pool has nodes by their addresses (`nodeIP`) names their network.
    "Microsoft.Network/virtualNetworks/joinLoadBalancer/action",
    "Microsoft.Network/virtualNetworks/subnets/read",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
)
CONTROLLER_ACTIONS = (
    # Balancers of services, their addresses, and the security rules that open them.
    "Microsoft.Network/loadBalancers/read",
    "Microsoft.Network/loadBalancers/write",
    "Microsoft.Network/loadBalancers/delete",
    "Microsoft.Network/loadBalancers/backendAddressPools/read",
    "Microsoft.Network/loadBalancers/backendAddressPools/write",
    "Microsoft.Network/loadBalancers/backendAddressPools/delete",
    "Microsoft.Network/loadBalancers/backendAddressPools/join/action",
    "Microsoft.Network/publicIPAddresses/read",
    "Microsoft.Network/publicIPAddresses/write",
    "Microsoft.Network/publicIPAddresses/delete",
    "Microsoft.Network/publicIPAddresses/join/action",
    "Microsoft.Network/networkSecurityGroups/read",
    "Microsoft.Network/networkSecurityGroups/write",
    "Microsoft.Network/networkSecurityGroups/join/action",
    # What the nodes are.
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachines/instanceView/read",
    "Microsoft.Network/networkInterfaces/read",
    "Microsoft.Network/networkInterfaces/join/action",
    "Microsoft.Compute/virtualMachineScaleSets/read",
    "Microsoft.Compute/virtualMachineScaleSets/instanceView/read",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/instanceView/read",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/networkInterfaces/read",
    # Disks: made, grown, attached to nodes, and their snapshots.
    "Microsoft.Compute/disks/read",
    "Microsoft.Compute/disks/write",
    "Microsoft.Compute/disks/delete",
    "Microsoft.Compute/snapshots/read",
    "Microsoft.Compute/snapshots/write",
    "Microsoft.Compute/snapshots/delete",
    "Microsoft.Compute/locations/vmSizes/read",
    "Microsoft.Compute/locations/operations/read",
    "Microsoft.Compute/locations/DiskOperations/read",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/write",
    # The autoscaler: scale sets grow, and the nodes that it drained go.
    "Microsoft.Compute/virtualMachineScaleSets/write",
    "Microsoft.Compute/virtualMachineScaleSets/delete/action",
    "Microsoft.Compute/skus/read",
    # Whoever writes a machine must be allowed to what the machine has.
    "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
)
"""What cloud-provider-azure's and the drivers' documents ask for, without what no cluster here uses
(storage accounts, route tables, private links): no keys of the store can be read with it."""


@dataclass(frozen=True, kw_only=True)
class IdentityArgs:
    """`containers` are pairs of a container that is read and one that is written, by the identity's name.

    `scopes` are the containers' ids by name; `controllers` name the identities of control planes;
    `networks` are ids of networks outside the cluster's own group, which these must see, too.
    """

    names: Names
    scopes: Mapping[str, Output[str]]
    containers: Mapping[str, tuple[str, str]]
    controllers: Sequence[str]
    networks: Sequence[str] = ()


class Identities(ComponentResource):
    """The identities: by name their resource ids, client ids, and the ids of their directory."""

    ids: Mapping[str, Output[str]]
    clients: Mapping[str, Output[str]]
    tenants: Mapping[str, Output[str]]

    def __init__(self, name: str, args: IdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:Identities", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        self._child = ResourceOptions(parent=self)
        made = {identity: self._identity(identity) for identity in args.containers}
        for identity, (read, written) in args.containers.items():
            self._may(identity, made[identity], "reads", self._names.role(BLOB_READER), args.scopes[read])
            writer = self._names.role(BLOB_CONTRIBUTOR)
            self._may(identity, made[identity], "writes", writer, args.scopes[written])
        self._controllers(made)
        self.ids = {identity: resource.id for identity, resource in made.items()}
        self.clients = {identity: resource.client_id for identity, resource in made.items()}
        self.tenants = {identity: resource.tenant_id for identity, resource in made.items()}
        self.register_outputs({})

    def _identity(self, identity: str) -> UserAssignedIdentity:
        return UserAssignedIdentity(
            f"{self._name}-{identity}",
            resource_group_name=self._names.group,
            resource_name_=f"{self._names.cluster}-{identity}",
            location=self._names.location,
            tags=self._names.tagged(),
            opts=self._child,
        )

    def _controllers(self, made: Mapping[str, UserAssignedIdentity]) -> None:
        definition = self._names.guid("controllers")
        role = RoleDefinition(
            f"{self._name}-controllers",
            role_definition_id=definition,
            # A directory has one role of a name, whatever the subscription.
            role_name=f"Kubewright controllers of {self._names.group} {definition[:8]}",
            description="The cloud controller, disk driver and autoscaler of one cluster",
            scope=self._names.group_id,
            assignable_scopes=[self._names.group_id, *sorted({_group(id) for id in self._args.networks})],
            permissions=[PermissionArgs(actions=[*CONTROLLER_ACTIONS, *_NETWORK_ACTIONS])],
            opts=self._child,
        )
        for identity in self._args.controllers:
            self._may(identity, made[identity], "controls", role.id, self._names.group_id)
            for number, network in enumerate(self._args.networks):
                self._may(identity, made[identity], f"network-{number}", role.id, network)

    def _may(
        self, identity: str, who: UserAssignedIdentity, what: str, role: Input[str], scope: Input[str]
    ) -> None:
        RoleAssignment(
            f"{self._name}-{identity}-{what}",
            # A new identity under an old name has another principal: it needs assignments of its own.
            role_assignment_name=who.principal_id.apply(lambda id: self._names.guid(identity, what, id)),
            principal_id=who.principal_id,
            principal_type="ServicePrincipal",
            role_definition_id=role,
            scope=scope,
            opts=self._child,
        )


def _group(id: str) -> str:
    """The id of a resource's group: custom roles can be assigned below groups, not made for less."""
    return "/".join(id.split("/")[:5])
