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
    """Arguments of the identities.

    `containers` are the names of the container to read and of the container to write, by name of the
    identity. `container_ids` are the ids of containers by name. `controller_identities` are the names of the
    identities of control planes. `external_networks` are ids of networks outside the resource group, which
    controllers use.
    """

    names: Names
    container_ids: Mapping[str, Output[str]]
    containers: Mapping[str, tuple[str, str]]
    controller_identities: Sequence[str]
    external_networks: Sequence[str] = ()


class Identities(ComponentResource):
    """The managed identities: resource ids, client ids and tenant ids, by name of the identity."""

    ids: Mapping[str, Output[str]]
    client_ids: Mapping[str, Output[str]]
    tenant_ids: Mapping[str, Output[str]]

    def __init__(self, name: str, args: IdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:Identities", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        self._child = ResourceOptions(parent=self)
        identities = {identity: self._create_identity(identity) for identity in args.containers}
        for identity, (read, write) in args.containers.items():
            self._assign_role(
                identity,
                identities[identity],
                "reads",
                self._names.role_definition_id(BLOB_READER),
                args.container_ids[read],
            )
            writer = self._names.role_definition_id(BLOB_CONTRIBUTOR)
            self._assign_role(identity, identities[identity], "writes", writer, args.container_ids[write])
        self._create_controller_role(identities)
        self.ids = {identity: resource.id for identity, resource in identities.items()}
        self.client_ids = {identity: resource.client_id for identity, resource in identities.items()}
        self.tenant_ids = {identity: resource.tenant_id for identity, resource in identities.items()}
        self.register_outputs({})

    def _create_identity(self, identity: str) -> UserAssignedIdentity:
        return UserAssignedIdentity(
            f"{self._name}-{identity}",
            resource_group_name=self._names.resource_group,
            resource_name_=f"{self._names.cluster}-{identity}",
            location=self._names.location,
            tags=self._names.resource_tags(),
            opts=self._child,
        )

    def _create_controller_role(self, identities: Mapping[str, UserAssignedIdentity]) -> None:
        definition = self._names.guid("controllers")
        role = RoleDefinition(
            f"{self._name}-controllers",
            role_definition_id=definition,
            # Names of roles are unique in a tenant, over all subscriptions.
            role_name=f"Kubewright controllers of {self._names.resource_group} {definition[:8]}",
            description="The cloud controller, disk driver and autoscaler of one cluster",
            scope=self._names.resource_group_id,
            assignable_scopes=[
                self._names.resource_group_id,
                *sorted({_resource_group_id(id) for id in self._args.external_networks}),
            ],
            permissions=[PermissionArgs(actions=[*CONTROLLER_ACTIONS, *NETWORK_ACTIONS])],
            opts=self._child,
        )
        for identity in self._args.controller_identities:
            self._assign_role(
                identity, identities[identity], "controls", role.id, self._names.resource_group_id
            )
            for number, network in enumerate(self._args.external_networks):
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
    """Return the resource group's id from the id of a resource. Custom roles have no smaller scope."""
    return "/".join(id.split("/")[:5])
