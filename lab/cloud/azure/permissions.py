"""The permissions on the store that follow from the role assignments of a subscription."""

from __future__ import annotations

from lab.cloud.azure.generated import IDENTITY
from lab.cloud.azure.resources import Resources
from lab.cloud.azure.role_assignments import Right, RoleAssignment, write_assignments

ROLE_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
BLOB_ROLES = {
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": (Right.READ_BLOBS,),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": (Right.READ_BLOBS, Right.WRITE_BLOBS),
}
"""Permissions of built-in roles (learn.microsoft.com/azure/role-based-access-control/built-in-roles)."""


def blob_permissions(resources: Resources) -> list[RoleAssignment]:
    """Return the permissions of identities on the containers of the store."""
    clients = {
        identity.properties["principalId"]: identity.properties["clientId"]
        for identity in resources.of_type(IDENTITY)
    }
    found = []
    for assignment in resources.of_type(ROLE_ASSIGNMENT):
        role = str(assignment.properties["roleDefinitionId"]).rpartition("/")[2]
        container = assignment.id.partition("/containers/")[2].partition("/")[0]
        client = clients.get(assignment.properties["principalId"])
        if client and container:
            found += [RoleAssignment(client, right, container) for right in BLOB_ROLES.get(role, ())]
    return found


def write_role_assignments(lab: str, resources: Resources) -> None:
    """Make the permissions of the current role assignments effective at once. Azure needs minutes."""
    write_assignments(lab, blob_permissions(resources))
