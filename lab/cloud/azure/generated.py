"""Values that Azure generates when it creates a resource: identities, addresses and times."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lab.cloud.azure.resources import SCALE_SET, VIRTUAL_MACHINE, Resource

IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"
PUBLIC_ADDRESS = "Microsoft.Network/publicIPAddresses"
STORAGE_ACCOUNT = "Microsoft.Storage/storageAccounts"
TENANT = "11111111-1111-1111-1111-111111111111"
_KEPT = ("clientId", "principalId", "ipAddress", "vmId", "timeCreated")
"""Generated properties that an update of a resource keeps."""


def complete(resource: Resource, previous: Resource | None) -> Resource:
    """Return a resource that is created or changed, with its generated properties.

    Machines and scale sets are created when their machines run.
    """
    kept = {key: previous.properties[key] for key in _KEPT if previous and key in previous.properties}
    creates = previous is None and resource.type in (VIRTUAL_MACHINE, SCALE_SET)
    generated = {"provisioningState": "Creating" if creates else "Succeeded", **_properties(resource), **kept}
    body = {**resource.body, "type": resource.type, **_identity(resource)}
    return Resource(
        id=resource.id,
        type=resource.type,
        body=body,
        next_instance=resource.next_instance,
        upgrade=resource.upgrade,
    ).with_properties(**generated)


def _properties(resource: Resource) -> dict[str, Any]:
    if resource.type == IDENTITY:
        return {"clientId": str(uuid.uuid4()), "principalId": str(uuid.uuid4()), "tenantId": TENANT}
    if resource.type == PUBLIC_ADDRESS:
        # An address of the documentation range: no lab uses it.
        return {"ipAddress": f"203.0.113.{int(uuid.uuid5(uuid.NAMESPACE_URL, resource.id)) % 250 + 1}"}
    if resource.type == VIRTUAL_MACHINE:
        return {"vmId": str(uuid.uuid4()), "timeCreated": datetime.now(UTC).isoformat()}
    if resource.type == STORAGE_ACCOUNT:
        return {"primaryEndpoints": {"blob": f"https://{resource.name}.blob.core.windows.net/"}}
    return {}


def _identity(resource: Resource) -> Mapping[str, Any]:
    """Return the part `identity` of the body with the generated ids of a system-assigned identity."""
    identity = resource.body.get("identity")
    if not isinstance(identity, Mapping) or "SystemAssigned" not in str(identity.get("type")):
        return {}
    principal = str(uuid.uuid5(uuid.NAMESPACE_URL, resource.id))
    return {"identity": {**identity, "principalId": principal, "tenantId": TENANT}}
