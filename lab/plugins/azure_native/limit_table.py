"""Limits of Azure that the types of the package azure-native do not contain, as a table with the source of
each row.

The emulated API accepts most values, so without this table the emulation would accept what Azure refuses.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from ipaddress import IPv4Network

from lab.plugins.azure_native.name_table import DOCS, FEDERATION, NAME_LIMITS, NAMES, Limit

_SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"
_CREDENTIAL = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
_CUSTOM_DATA = f"{DOCS}/virtual-machines/custom-data"
_SCALE_SETS = "https://learn.microsoft.com/rest/api/compute/virtual-machine-scale-sets/create-or-update"
_SUBNETS = f"{DOCS}/virtual-network/virtual-networks-faq"
_RULES = f"{DOCS}/virtual-network/network-security-groups-overview"
_BALANCER = "https://learn.microsoft.com/rest/api/load-balancer/load-balancers/create-or-update"
_NAT = f"{DOCS}/nat-gateway/nat-gateway-resource"
_BLOBS = f"{DOCS}/storage/blobs/soft-delete-blob-overview"
_FIREWALL = f"{DOCS}/storage/common/storage-network-security"
_ROLES = f"{DOCS}/role-based-access-control/custom-roles"
_HEALTH = f"{DOCS}/virtual-machine-scale-sets/virtual-machine-scale-sets-health-extension"
_REPAIRS = f"{DOCS}/virtual-machine-scale-sets/virtual-machine-scale-sets-automatic-instance-repairs"
_NOTICE = f"{DOCS}/virtual-machine-scale-sets/virtual-machine-scale-sets-terminate-notification"
_RESTORE = f"{DOCS}/virtual-machine-scale-sets/use-spot"
_PROFILE = "properties.virtualMachineProfile"
_EXTENSION = f"{_PROFILE}.extensionProfile.extensions[].properties.settings"
_UPGRADE = "properties.upgradePolicy.rollingUpgradePolicy"


def _custom_data(text: str) -> str:
    try:
        size = len(base64.b64decode(text, validate=True))
    except ValueError:
        return "is not base64"
    return f"has {size} bytes, over 65535" if size > 65535 else ""


def _subnet(text: str) -> str:
    return "" if 2 <= IPv4Network(text).prefixlen <= 29 else f"{text} is not between /2 and /29"


def _minutes(lowest: int, highest: int) -> Callable[[str], str]:
    """Return the check of a duration such as PT5M or PT2H."""

    def check(text: str) -> str:
        match = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?", text)
        minutes = 60 * int(match[1] or 0) + int(match[2] or 0) if match else 0
        return "" if lowest <= minutes <= highest else f"{text} is not between {lowest} and {highest} minutes"

    return check


LIMITS = (
    *NAME_LIMITS,
    # Machines and scale sets
    Limit(
        type="Microsoft.Compute/virtualMachine*",
        path="**.osProfile.customData",
        check=_custom_data,
        source=_CUSTOM_DATA,
    ),
    Limit(
        type="Microsoft.Compute/virtualMachine*",
        path="**.osDisk.diskSizeGB",
        lowest=1,
        highest=4095,
        source=f"{DOCS}/virtual-machines/managed-disks-overview",
    ),
    Limit(
        type="Microsoft.Compute/virtualMachines",
        path="properties.osProfile.computerName",
        pattern=r"[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]",
        longest=64,
        source=NAMES,
    ),
    Limit(
        type=_SCALE_SET,
        path=f"{_PROFILE}.osProfile.computerNamePrefix",
        longest=58,
        source=_SCALE_SETS,
    ),
    Limit(
        type=_SCALE_SET,
        path="sku.capacity",
        lowest=0,
        highest=1000,
        source=f"{DOCS}/virtual-machine-scale-sets/virtual-machine-scale-sets-placement-groups",
    ),
    Limit(
        type=_SCALE_SET,
        path=f"{_UPGRADE}.maxBatchInstancePercent",
        lowest=5,
        highest=100,
        source=_SCALE_SETS,
    ),
    Limit(
        type=_SCALE_SET,
        path=f"{_UPGRADE}.maxUnhealthyInstancePercent",
        lowest=5,
        highest=100,
        source=_SCALE_SETS,
    ),
    Limit(
        type=_SCALE_SET,
        path=f"{_UPGRADE}.maxUnhealthyUpgradedInstancePercent",
        lowest=0,
        highest=100,
        source=_SCALE_SETS,
    ),
    Limit(
        type=_SCALE_SET,
        path="properties.automaticRepairsPolicy.gracePeriod",
        check=_minutes(10, 90),
        source=_REPAIRS,
    ),
    Limit(
        type=_SCALE_SET,
        path=f"{_PROFILE}.scheduledEventsProfile.terminateNotificationProfile.notBeforeTimeout",
        check=_minutes(5, 15),
        source=_NOTICE,
    ),
    Limit(
        type=_SCALE_SET,
        path="properties.spotRestorePolicy.restoreTimeout",
        check=_minutes(15, 120),
        source=_RESTORE,
    ),
    Limit(
        type=_SCALE_SET,
        path=f"{_EXTENSION}.intervalInSeconds",
        lowest=5,
        highest=60,
        source=_HEALTH,
    ),
    Limit(
        type=_SCALE_SET,
        path=f"{_EXTENSION}.numberOfProbes",
        lowest=1,
        highest=24,
        source=_HEALTH,
    ),
    Limit(
        type=_SCALE_SET,
        path=f"{_EXTENSION}.gracePeriod",
        lowest=5,
        highest=14400,
        source=_HEALTH,
    ),
    # Network
    Limit(
        type="Microsoft.Network/virtualNetworks/subnets",
        path="properties.addressPrefix",
        check=_subnet,
        source=_SUBNETS,
    ),
    Limit(
        type="Microsoft.Network/networkSecurityGroups/securityRules",
        path="properties.priority",
        lowest=100,
        highest=4096,
        source=_RULES,
    ),
    Limit(
        type="Microsoft.Network/networkSecurityGroups/securityRules",
        path="properties.description",
        longest=140,
        source="https://learn.microsoft.com/rest/api/virtualnetwork/security-rules/create-or-update",
    ),
    Limit(
        type="Microsoft.Network/loadBalancers",
        path="properties.loadBalancingRules[].properties.idleTimeoutInMinutes",
        lowest=4,
        highest=30,
        source=_BALANCER,
    ),
    Limit(
        type="Microsoft.Network/loadBalancers",
        path="properties.probes[].properties.intervalInSeconds",
        lowest=5,
        source=_BALANCER,
    ),
    Limit(
        type="Microsoft.Network/natGateways",
        path="properties.idleTimeoutInMinutes",
        lowest=4,
        highest=120,
        source=_NAT,
    ),
    # Store, roles and identities
    *(
        Limit(type=_CREDENTIAL, path=f"properties.{part}", longest=600, source=FEDERATION)
        for part in ("issuer", "subject")
    ),
    Limit(type=_CREDENTIAL, path="properties.audiences", longest=1, source=FEDERATION),
    Limit(
        type="Microsoft.Storage/storageAccounts/blobServices",
        path="**.days",
        lowest=1,
        highest=365,
        source=_BLOBS,
    ),
    Limit(
        type="Microsoft.Storage/storageAccounts",
        path="properties.networkRuleSet.ipRules",
        longest=400,
        source=_FIREWALL,
    ),
    Limit(
        type="Microsoft.Authorization/roleDefinitions",
        path="properties.roleName",
        longest=512,
        source=_ROLES,
    ),
    Limit(
        type="Microsoft.Authorization/roleDefinitions",
        path="properties.description",
        longest=2048,
        source=_ROLES,
    ),
)
"""The limits."""
