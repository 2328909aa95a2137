"""The permissions on storage accounts and machines that follow from the role assignments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lab.cloud.azure.generated import IDENTITY, STORAGE_ACCOUNT
from lab.cloud.azure.resources import Resource, Resources, is_inside
from lab.cloud.azure.role_assignments import ANONYMOUS, Right, RoleAssignment, write_assignments

ROLE_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
ROLE_DEFINITION = "Microsoft.Authorization/roleDefinitions"
CONTAINER = f"{STORAGE_ACCOUNT}/blobServices/containers"
_BLOBS = f"{CONTAINER}/blobs"
_ACTIONS = {
    f"{_BLOBS}/read": Right.READ_BLOBS,
    f"{_BLOBS}/write": Right.WRITE_BLOBS,
    f"{_BLOBS}/add/action": Right.ADD_BLOBS,
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read": Right.READ_MACHINES,
}
"""The actions and data actions of custom roles that the emulation enforces."""
_BUILT_IN_ROLES = {
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": (Right.READ_BLOBS,),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": (Right.READ_BLOBS, Right.WRITE_BLOBS),
}
"""Permissions of built-in roles (learn.microsoft.com/azure/role-based-access-control/built-in-roles)."""
_STORE = re.compile("kw[0-9a-f]{22}")
"""Names of the account of a cluster's store (`providers.azure.names`). A stack of the lab has one URL for all
accounts, and the store is the account without its name in the path.
"""


def role_permissions(resources: Resources) -> list[RoleAssignment]:
    """Return the permissions of identities on machines, and of identities and anonymous requests on the
    containers of all accounts.
    """
    clients = {
        identity.properties["principalId"]: identity.properties["clientId"]
        for identity in resources.of_type(IDENTITY)
    }
    containers = resources.of_type(CONTAINER)
    custom = {
        definition.name: role_rights("", definition.properties.get("permissions") or [])
        for definition in resources.of_type(ROLE_DEFINITION)
    }
    found = []
    for assignment in resources.of_type(ROLE_ASSIGNMENT):
        role = str(assignment.properties["roleDefinitionId"]).rpartition("/")[2]
        client = clients.get(assignment.properties["principalId"])
        scope = assignment.id.lower().partition(f"/providers/{ROLE_ASSIGNMENT.lower()}/")[0]
        if not client:
            continue
        for right in custom.get(role) or role_rights(role, []):
            found += [
                RoleAssignment(client, right, container_path(container))
                for container in containers
                if right is not Right.READ_MACHINES and is_inside(container.id.lower(), scope)
            ]
            if right is Right.READ_MACHINES:
                found.append(RoleAssignment(client, right, scope))
    return [*found, *_public_reads(resources, containers)]


def role_rights(role: str, permissions: Iterable[Mapping[str, Any]]) -> tuple[Right, ...]:
    """Return the permissions of a role: of a built-in role by its GUID, or those of a custom role."""
    actions = [
        action
        for permission in permissions
        for key in ("actions", "dataActions")
        for action in permission.get(key) or ()
    ]
    return _BUILT_IN_ROLES.get(role) or tuple(_ACTIONS[action] for action in actions if action in _ACTIONS)


def container_path(container: Resource) -> str:
    """Return the path of a container in URLs: its name in the store, `account/name` in another account."""
    account = _account_name(container)
    return container.name if _STORE.fullmatch(account) else f"{account}/{container.name}"


def _public_reads(resources: Resources, containers: list[Resource]) -> Iterator[RoleAssignment]:
    """Yield the permissions of anonymous requests, which the account and the container must allow."""
    allowing = {
        account.name
        for account in resources.of_type(STORAGE_ACCOUNT)
        if account.properties.get("allowBlobPublicAccess")
    }
    for container in containers:
        if container.properties.get("publicAccess") == "Blob" and _account_name(container) in allowing:
            yield RoleAssignment(ANONYMOUS, Right.READ_BLOBS, container_path(container))


def _account_name(container: Resource) -> str:
    return container.id.partition("/storageAccounts/")[2].partition("/")[0]


def write_role_assignments(lab: str, resources: Resources) -> None:
    """Make the permissions of the current role assignments effective at once. Azure needs minutes."""
    write_assignments(lab, role_permissions(resources))
