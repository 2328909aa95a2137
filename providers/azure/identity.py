"""Identities of machines: a managed identity for each kind of members and each pool.

Every identity reads its own container of the store and writes its own container of statuses. With
`artifacts.store: own` all identities also read the container of files. Identities of pools add bootstrap
tokens to a container that only control planes read. Control planes have more permissions: the cloud
controller, the disk driver and the autoscaler run there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_azure_native.authorization import PermissionArgs, RoleAssignment, RoleDefinition
from pulumi_azure_native.managedidentity import UserAssignedIdentity

from providers.azure.file_storage import FileStorage
from providers.azure.names import Names
from providers.azure.permissions import (
    ADD_BLOBS,
    BLOB_CONTRIBUTOR,
    BLOB_READER,
    DISK_KEY_ACTIONS,
    NETWORK_ACTIONS,
    controller_actions,
)
from providers.cloud.gate import create_gate
from settings.clouds import CloudAddonSettings

_REPLICATION_SECONDS = 30
"""The time in which a new role definition reaches all servers of Azure Resource Manager."""


@dataclass(frozen=True, kw_only=True)
class CopyTarget:
    """The container for copies of snapshots and its resource group: their ids."""

    container: Output[str]
    group: Output[str]


@dataclass(frozen=True, kw_only=True)
class IdentityArgs:
    """Arguments of the identities.

    `containers` are the names of the container to read and of the container to write, by name of the
    identity. `container_ids` are the ids of containers by name. `controller_identities` are the names of the
    identities of control planes. `external_networks` are ids of networks outside the resource group, which
    controllers use. `addons` selects the permissions of the controllers. `pool_identities` are the names of
    the identities of pools, and `joins_container` is the id of the container for their tokens.
    `files_container` is the id of the container with the files that all machines fetch, or None. `disk_key`
    is the id of the disk encryption set of all disks, or empty. The
    identity `copying` adds copies of snapshots to `copies`. Controllers create volumes in `files`.
    """

    names: Names
    container_ids: Mapping[str, Output[str]]
    containers: Mapping[str, tuple[str, str]]
    controller_identities: Sequence[str]
    pool_identities: Sequence[str]
    joins_container: Output[str]
    addons: CloudAddonSettings
    external_networks: Sequence[str] = ()
    files_container: Output[str] | None = None
    disk_key: str = ""
    copies: CopyTarget | None = None
    copying: str = ""
    files: FileStorage | None = None


class Identities(ComponentResource):
    """The managed identities: resource ids, client ids and tenant ids, by name of the identity."""

    ids: Mapping[str, Output[str]]
    client_ids: Mapping[str, Output[str]]
    tenant_ids: Mapping[str, Output[str]]

    def __init__(self, name: str, args: IdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:Identities", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        self._child = ResourceOptions(parent=self)
        self._roles: list[Resource] = []
        identities = {identity: self._create_identity(identity) for identity in args.containers}
        reader = self._names.role_definition_id(BLOB_READER)
        writer = self._names.role_definition_id(BLOB_CONTRIBUTOR)
        for identity, (read, write) in args.containers.items():
            self._assign_role(identity, identities[identity], "reads", reader, args.container_ids[read])
            if args.files_container is not None:
                self._assign_role(identity, identities[identity], "fetches", reader, args.files_container)
            self._assign_role(identity, identities[identity], "writes", writer, args.container_ids[write])
        pause = self._create_roles(identities)
        self._assign_joins(identities, reader, pause)
        self.ids = {identity: resource.id for identity, resource in identities.items()}
        self.client_ids = {identity: resource.client_id for identity, resource in identities.items()}
        self.tenant_ids = {identity: resource.tenant_id for identity, resource in identities.items()}
        self.register_outputs({})

    def _create_identity(self, identity: str) -> UserAssignedIdentity:
        return UserAssignedIdentity(
            f"{self._name}-{identity}",
            resource_group_name=self._names.resource_group,
            resource_name_=self._names.identity(identity),
            location=self._names.location,
            tags=self._names.resource_tags(),
            opts=self._child,
        )

    def _create_roles(self, identities: Mapping[str, UserAssignedIdentity]) -> Sequence[Resource]:
        """Create the role of the controllers in the resource group, their roles on single resources, and the
        roles that add blobs. Return the gate after which roles can be assigned.
        """
        group = self._names.resource_group_id
        actions = controller_actions(self._args.addons)
        role = self._create_role("controllers", "the cloud controller and add-ons", group, actions)
        targets = self._create_target_roles()
        self._joins_role = self._create_role(
            "joins", "new machines of pools", group, data_actions=[ADD_BLOBS]
        )
        copies = self._args.copies
        copies_role = (
            self._create_role("copies", "copies of snapshots", copies.group, data_actions=[ADD_BLOBS])
            if copies
            else None
        )
        # A role can be assigned when all servers of Azure have its definition.
        pause = [
            create_gate(
                f"{self._name}-roles-replicated",
                f"sleep {_REPLICATION_SECONDS}",
                self._after_roles,
                # The gate of an existing cluster waits again when the role is added.
                variables={"ADDED_ROLE": "files"} if self._args.files else {},
            )
        ]
        for identity in self._args.controller_identities:
            self._assign_role(identity, identities[identity], "controls", role, group, pause)
            for purpose, (target_role, target) in targets.items():
                self._assign_role(identity, identities[identity], purpose, target_role, target, pause)
        if copies and copies_role:
            copying = self._args.copying
            self._assign_role(copying, identities[copying], "copies", copies_role, copies.container, pause)
        return pause

    def _create_target_roles(self) -> dict[str, tuple[Output[str], Input[str]]]:
        """Create the roles of the controllers on single resources; return role and resource by purpose."""
        args = self._args
        roles: dict[str, tuple[Output[str], Input[str]]] = {}
        for number, network in enumerate(args.external_networks):
            name, purpose = f"network-{number}", "the network of the cloud controller"
            scope = _resource_group_id(network)
            roles[name] = self._create_role(name, purpose, scope, list(NETWORK_ACTIONS)), network
        if args.disk_key:
            scope = _resource_group_id(args.disk_key)
            role = self._create_role("disk-key", "the key of disks", scope, list(DISK_KEY_ACTIONS))
            roles["disk-key"] = role, args.disk_key
        if args.files:
            role = self._create_role(
                "files", "volumes in file storage", args.files.group_id, args.files.actions
            )
            roles["files"] = role, args.files.account
        return roles

    def _assign_joins(
        self, identities: Mapping[str, UserAssignedIdentity], reader: str, pause: Sequence[Resource]
    ) -> None:
        """Let machines of pools add their tokens to the container, and control planes read them."""
        container = self._args.joins_container
        for identity in self._args.pool_identities:
            self._assign_role(identity, identities[identity], "joins", self._joins_role, container, pause)
        for identity in self._args.controller_identities:
            self._assign_role(identity, identities[identity], "reads-joins", reader, container)

    def _create_role(
        self,
        name: str,
        purpose: str,
        scope: Input[str],
        actions: Sequence[str] = (),
        data_actions: Sequence[str] = (),
    ) -> Output[str]:
        """Create a custom role and return its id. `scope` is the id of a resource group."""
        definition = self._names.guid(name)
        role = RoleDefinition(
            f"{self._name}-{name}",
            role_definition_id=definition,
            # Names of roles are unique in a tenant, over all subscriptions.
            role_name=f"Kubewright {name} of {self._names.resource_group} {definition[:8]}",
            description=f"Permissions of one cluster: {purpose}",
            scope=scope,
            assignable_scopes=[scope],
            permissions=[PermissionArgs(actions=list(actions), data_actions=list(data_actions) or None)],
            opts=self._child,
        )
        self._roles.append(role)
        return role.id

    @property
    def _after_roles(self) -> ResourceOptions:
        return ResourceOptions(parent=self, depends_on=list(self._roles))

    def _assign_role(
        self,
        name: str,
        identity: UserAssignedIdentity,
        purpose: str,
        role: Input[str],
        scope: Input[str],
        dependencies: Sequence[Resource] = (),
    ) -> None:
        RoleAssignment(
            f"{self._name}-{name}-{purpose}",
            # A new identity with an old name has another principal, so it needs new assignments.
            role_assignment_name=identity.principal_id.apply(lambda id: self._names.guid(name, purpose, id)),
            principal_id=identity.principal_id,
            principal_type="ServicePrincipal",
            role_definition_id=role,
            scope=scope,
            opts=ResourceOptions(parent=self, depends_on=list(dependencies)),
        )


def _resource_group_id(id: str) -> str:
    """Return the resource group's id from the id of a resource. Custom roles have no smaller scope."""
    return "/".join(id.split("/")[:5])
