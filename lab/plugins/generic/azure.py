"""Facts of Azure for previews: inputs that replace a resource, results of functions.

A change of a part of a resource's path (its name, the name of its group) always replaces the resource. The
official plugin has a short list of other inputs that replace a resource, which this module copies. Changes of
all further inputs are updates in a preview; programs override this with `replace_on_changes`, which the
engine applies to any plugin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lab.plugins.runtime.values import Value

REPLACES: Mapping[str, tuple[str, ...]] = {
    "azure-native:authorization:RoleAssignment": ("principalId", "scope"),
    "azure-native:network:PrivateEndpoint": ("subnet",),
    "azure-native:network:PublicIPAddress": ("location", "publicIPAddressVersion", "publicIPPrefix", "sku"),
    "azure-native:network:VirtualNetwork": ("location",),
    "azure-native:resources:ResourceGroup": ("location",),
    "azure-native:storage:Blob": ("contentMd5", "source", "type"),
    "azure-native:storage:StorageAccount": ("isHnsEnabled", "location"),
}
"""By type, the inputs outside the path whose change replaces the resource."""

NOT_OF_THE_PATH = frozenset({"id", "source"})
"""Inputs without an output of the same name that are not parts of the resource's path."""

UNLIKE_INPUTS = frozenset({"userAssignedIdentities"})
"""Properties, at any depth, whose output differs from the input: the input is a list of ids, the output is a
map.
"""

_PLACEHOLDER_ID = "00000000-0000-0000-0000-000000000000"
Arguments = Mapping[str, Value]


def _assume_client_config(arguments: Arguments, settings: Arguments) -> dict[str, Value]:
    return {
        "clientId": settings.get("clientId") or _PLACEHOLDER_ID,
        "objectId": _PLACEHOLDER_ID,
        "subscriptionId": settings.get("subscriptionId") or _PLACEHOLDER_ID,
        "tenantId": settings.get("tenantId") or _PLACEHOLDER_ID,
    }


FUNCTIONS: Mapping[str, Callable[[Arguments, Arguments], dict[str, Value]]] = {
    "azure-native:authorization:getClientConfig": _assume_client_config,
}
"""By token, a function that returns the result from the arguments and the provider settings, without a
request to Azure.
"""
