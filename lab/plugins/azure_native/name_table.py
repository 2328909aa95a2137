"""Limits of names, tags and zones of Azure's resources, as a table with the source of each row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.plugins.runtime.limits import ValueLimit

NAME = "(name)"
"""The path of the name of a resource, which is in no body."""

DOCS = "https://learn.microsoft.com/azure"
NAMES = f"{DOCS}/azure-resource-manager/management/resource-name-rules"
FEDERATION = "https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations"
_TAG_VALUE = 256
"""Maximum length of the value of a tag."""
_TAGS = f"{DOCS}/azure-resource-manager/management/tag-resources"
_GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NETWORK_TYPES = (
    "loadBalancers",
    "natGateways",
    "networkInterfaces",
    "networkSecurityGroups",
    "networkSecurityGroups/securityRules",
    "publicIPAddresses",
    "virtualNetworks/subnets",
)
_NETWORK_NAME = r"[A-Za-z0-9]([\w.-]*\w)?"
_MACHINE_NAME = r"(?!_)[^\s\\/\"\[\]:|<>+=;,?*@&_]*[^\s\\/\"\[\]:|<>+=;,?*@&_.-]"


@dataclass(frozen=True, kw_only=True)
class Limit(ValueLimit):
    """A limit of a resource type, or of types such as `Microsoft.Network/*`."""

    type: str


def _tags(highest: int, name: str = r"[^<>%&\\?/]{1,512}") -> Callable[[Mapping[str, str]], str]:
    """Return the check of tags: their number, their names and the lengths of their values."""

    def check(tags: Mapping[str, str]) -> str:
        if len(tags) > highest:
            return f"has {len(tags)} tags, over {highest}"
        if refused := [key for key in tags if not re.fullmatch(name, key)]:
            return f"the name {refused[0]!r} does not match {name}"
        if refused := [key for key, value in tags.items() if len(value) > _TAG_VALUE]:
            return f"the value of {refused[0]!r} has over {_TAG_VALUE} characters"
        return ""

    return check


def _zones(zones: list[str]) -> str:
    known = {"1", "2", "3"}
    return "" if set(zones) <= known and len(set(zones)) == len(zones) else f"{zones} are not zones"


NAME_LIMITS = (
    # Names
    Limit(
        type="Microsoft.Resources/resourceGroups",
        path=NAME,
        pattern=r"[\w.()-]*[\w()-]",
        longest=90,
        source=NAMES,
    ),
    Limit(
        type="Microsoft.Network/virtualNetworks",
        path=NAME,
        pattern=_NETWORK_NAME,
        longest=64,
        source=NAMES,
    ),
    *(
        Limit(type=f"Microsoft.Network/{kind}", path=NAME, pattern=_NETWORK_NAME, longest=80, source=NAMES)
        for kind in _NETWORK_TYPES
    ),
    Limit(type="Microsoft.Compute/disks", path=NAME, pattern=r"[\w.-]+", longest=80, source=NAMES),
    Limit(
        type="Microsoft.Compute/virtualMachine*",
        path=NAME,
        pattern=_MACHINE_NAME,
        longest=64,
        source=NAMES,
    ),
    Limit(
        type="Microsoft.ManagedIdentity/userAssignedIdentities",
        path=NAME,
        pattern=r"[A-Za-z0-9][\w-]{2,}",
        longest=128,
        source=NAMES,
    ),
    Limit(
        type="Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
        path=NAME,
        pattern=r"[A-Za-z0-9][\w-]{2,}",
        longest=120,
        source=FEDERATION,
    ),
    Limit(type="Microsoft.Storage/storageAccounts", path=NAME, pattern=r"[a-z0-9]{3,24}", source=NAMES),
    Limit(
        type="Microsoft.Storage/storageAccounts/blobServices/containers",
        path=NAME,
        pattern=r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
        source=NAMES,
    ),
    Limit(type="Microsoft.Authorization/role*", path=NAME, pattern=_GUID, source=NAMES),
    Limit(
        type="Microsoft.DataProtection/backupVaults",
        path=NAME,
        pattern=r"[A-Za-z][A-Za-z0-9-]{1,49}",
        source=NAMES,
    ),
    # Tags and zones
    Limit(
        type="Microsoft.Network/privateDnsZones*",
        path="tags",
        check=_tags(15, r"[A-Za-z_.-][\w.-]*"),
        source=_TAGS,
    ),
    Limit(
        type="Microsoft.Storage/storageAccounts",
        path="tags",
        check=_tags(50, r"[^<>%&\\?/]{1,128}"),
        source=_TAGS,
    ),
    Limit(type="*", path="tags", check=_tags(50), source=_TAGS),
    Limit(type="*", path="zones", check=_zones, source=f"{DOCS}/reliability/availability-zones-overview"),
)
"""The limits of names, tags and zones."""
