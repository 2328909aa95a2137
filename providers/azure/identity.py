"""Identities of machines: a managed identity for each kind of members and each pool.

Every identity reads its own container of the store and writes its own container of statuses. Control planes
have more permissions: the cloud controller, the disk driver and the autoscaler run there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, ResourceOptions
from pulumi_azure_native.authorization import PermissionArgs, RoleAssignment, RoleDefinition
from pulumi_azure_native.managedidentity import UserAssignedIdentity

from providers.azure.names import Names
from providers.azure.permissions import (
    BLOB_CONTRIBUTOR,
    BLOB_READER,
    CONTROLLER_ACTIONS,
    NETWORK_ACTIONS,
)


@dataclass(frozen=True, kw_only=True)
class IdentityArgs:
    """Arguments of the identities. `containers` are the container to read and the one to write, by identity.

    `scopes` are the ids of containers by name; `controllers` are the identities of control planes; `networks`
    are ids of networks outside the resource group, which controllers use too.
    """

    names: Names
    scopes: Mapping[str, Output[str]]
    containers: Mapping[str, tuple[str, str]]
    controllers: Sequence[str]
    networks: Sequence[str] = ()


class Identities(ComponentResource):
    """The managed identities: resource ids, client ids and tenant ids by name."""

    ids: Mapping[str, Output[str]]
    clients: Mapping[str, Output[str]]
    tenants: Mapping[str, Output[str]]

    def __init__(self, name: str, args: IdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:Identities", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        self._child = ResourceOptions(parent=self)
        identities = {identity: self._create_identity(identity) for identity in args.containers}
        for identity, (read, write) in args.containers.items():
            self._assign_role(
                identity, identities[identity], "reads", self._names.role(BLOB_READER), args.scopes[read]
            )
            writer = self._names.role(BLOB_CONTRIBUTOR)
            self._assign_role(identity, identities[identity], "writes", writer, args.scopes[write])
        self._controller_role(identities)
        self.ids = {identity: resource.id for identity, resource in identities.items()}
        self.clients = {identity: resource.client_id for identity, resource in identities.items()}
        self.tenants = {identity: resource.tenant_id for identity, resource in identities.items()}
        self.register_outputs({})

    def _create_identity(self, identity: str) -> UserAssignedIdentity:
        return UserAssignedIdentity(
            f"{self._name}-{identity}",
            resource_group_name=self._names.group,
            resource_name_=f"{self._names.cluster}-{identity}",
            location=self._names.location,
            tags=self._names.tagged(),
            opts=self._child,
        )

    def _controller_role(self, identities: Mapping[str, UserAssignedIdentity]) -> None:
        definition = self._names.guid("controllers")
        role = RoleDefinition(
            f"{self._name}-controllers",
            role_definition_id=definition,
            # Names of roles are unique in a tenant, over all subscriptions.
            role_name=f"Kubewright controllers of {self._names.group} {definition[:8]}",
            description="The cloud controller, disk driver and autoscaler of one cluster",
            scope=self._names.group_id,
            assignable_scopes=[
                self._names.group_id,
                *sorted({_resource_group_id(id) for id in self._args.networks}),
            ],
            permissions=[PermissionArgs(actions=[*CONTROLLER_ACTIONS, *NETWORK_ACTIONS])],
            opts=self._child,
        )
        for identity in self._args.controllers:
            self._assign_role(identity, identities[identity], "controls", role.id, self._names.group_id)
            for number, network in enumerate(self._args.networks):
                self._assign_role(identity, identities[identity], f"network-{number}", role.id, network)

    def _assign_role(
        self, name: str, identity: UserAssignedIdentity, purpose: str, role: Input[str], scope: Input[str]
    ) -> None:
        RoleAssignment(
            f"{self._name}-{name}-{purpose}",
            # A new identity with an old name has another principal, so it needs new assignments.
            role_assignment_name=identity.principal_id.apply(lambda id: self._names.guid(name, purpose, id)),
            principal_id=identity.principal_id,
            principal_type="ServicePrincipal",
            role_definition_id=role,
            scope=scope,
            opts=self._child,
        )


def _resource_group_id(id: str) -> str:
    """Return the id of the resource group of a resource, the smallest scope that a custom role can have."""
    return "/".join(id.split("/")[:5])
