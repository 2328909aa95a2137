"""Properties that Azure refuses to change in place, as a table with the source of each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lab.cloud.azure.resources import SCALE_SET, VIRTUAL_MACHINE, Resource

_ISSUE = "https://github.com/pulumi/pulumi-azure-native/issues/577"
_SCALE_SETS = (
    "https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-upgrade-policy"
)
_ACCOUNTS = (
    "https://learn.microsoft.com/azure/storage/common/storage-account-overview#types-of-storage-accounts"
)
_LOCATION = "https://learn.microsoft.com/azure/azure-resource-manager/management/move-resources-overview"

IMMUTABLE: Mapping[str, Mapping[str, str]] = {
    VIRTUAL_MACHINE: {
        "properties.osProfile.customData": _ISSUE,
        "properties.osProfile.computerName": _ISSUE,
        "properties.osProfile.adminUsername": _ISSUE,
        "properties.osProfile.linuxConfiguration": _ISSUE,
        "properties.storageProfile.imageReference": _ISSUE,
        "zones": _ISSUE,
    },
    SCALE_SET: {
        "properties.orchestrationMode": _SCALE_SETS,
        "properties.virtualMachineProfile.evictionPolicy": _SCALE_SETS,
        "properties.virtualMachineProfile.priority": _SCALE_SETS,
        "zones": _SCALE_SETS,
    },
    "Microsoft.Storage/storageAccounts": {"kind": _ACCOUNTS},
    "Microsoft.Compute/disks": {"properties.creationData": _ISSUE, "zones": _ISSUE},
}
"""Paths of properties by resource type, with the source. The location of no resource can change."""


def changed_properties(new: Resource, previous: Resource) -> Iterator[str]:
    """Yield each changed property that Azure refuses to change, with the source."""
    for path, source in {"location": _LOCATION, **IMMUTABLE.get(new.type, {})}.items():
        if _value(new.body, path) != _value(previous.body, path):
            yield f"{path} ({source})"


def _value(body: Any, path: str) -> Any:  # noqa: ANN401 — JSON
    for key in path.split("."):
        body = body.get(key) if isinstance(body, Mapping) else None
    return body
