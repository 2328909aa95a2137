"""What previews must know of Azure: what replaces a resource, answers to questions.

A part of a resource's path (its name, its group's) always replaces it. The rest is the official
plugin's own short list; what it leaves out it previews as an update, and programs say otherwise by
`replace_on_changes`, which the engine applies to any plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lab.plugins.common.values import Plain

REPLACES: Mapping[str, tuple[str, ...]] = {
    "azure-native:authorization:RoleAssignment": ("principalId", "scope"),
    "azure-native:network:PrivateEndpoint": ("subnet",),
    "azure-native:network:PublicIPAddress": ("location", "publicIPAddressVersion", "publicIPPrefix", "sku"),
    "azure-native:network:VirtualNetwork": ("location",),
    "azure-native:resources:ResourceGroup": ("location",),
    "azure-native:storage:Blob": ("contentMd5", "source", "type"),
    "azure-native:storage:StorageAccount": ("isHnsEnabled", "location"),
}
"""By type, the inputs beside those of the path whose change replaces the resource."""

NOT_OF_THE_PATH = frozenset({"id", "source"})
"""Inputs that no state holds and that still are no part of the path."""

UNLIKE_INPUTS = frozenset({"userAssignedIdentities"})
"""Properties, at any depth, whose output has another form than their input: ids in, a map of them out."""

_NOBODY = "00000000-0000-0000-0000-000000000000"
Arguments = Mapping[str, Plain]


def _client(arguments: Arguments, settings: Arguments) -> dict[str, Plain]:
    return {
        "clientId": settings.get("clientId") or _NOBODY,
        "objectId": _NOBODY,
        "subscriptionId": settings.get("subscriptionId") or _NOBODY,
        "tenantId": settings.get("tenantId") or _NOBODY,
    }


FUNCTIONS: Mapping[str, Callable[[Arguments, Arguments], dict[str, Plain]]] = {
    "azure-native:authorization:getClientConfig": _client,
}
"""Answers to questions, from the arguments and the provider's settings; nobody is asked in a preview."""
