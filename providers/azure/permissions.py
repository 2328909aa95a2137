"""Permissions of machines: ids of built-in roles, and actions of custom roles. Imports no SDK."""

from __future__ import annotations

from collections.abc import Mapping

from settings.clouds import CloudAddonSettings

BLOB_READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"
"""Storage Blob Data Reader (learn.microsoft.com/azure/role-based-access-control/built-in-roles)."""
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
"""Storage Blob Data Contributor, the smallest role that may create and replace a blob (a status)."""

ADD_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action"
"""The data action that creates a blob. It neither reads, replaces nor deletes blobs
(learn.microsoft.com/azure/storage/blobs/storage-auth-abac-attributes, "Create a blob or snapshot, or append
data").
"""

NETWORK_ACTIONS = (
    "Microsoft.Network/virtualNetworks/read",
    # A load balancer with node addresses in its pool (`nodeIP`) refers to their network.
    "Microsoft.Network/virtualNetworks/joinLoadBalancer/action",
    "Microsoft.Network/virtualNetworks/subnets/read",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
)
"""Actions of all controllers on the virtual network, which can be in another resource group."""

DISK_KEY_ACTIONS = ("Microsoft.Compute/diskEncryptionSets/read",)
"""Actions on a disk encryption set of controllers that create disks, or write machines whose disks use it."""

CLOUD_CONTROLLER_ACTIONS = (
    # Load balancers of services, their addresses, and their security rules.
    "Microsoft.Network/loadBalancers/read",
    "Microsoft.Network/loadBalancers/write",
    "Microsoft.Network/loadBalancers/delete",
    "Microsoft.Network/loadBalancers/backendAddressPools/read",
    "Microsoft.Network/loadBalancers/backendAddressPools/write",
    "Microsoft.Network/loadBalancers/backendAddressPools/delete",
    "Microsoft.Network/loadBalancers/backendAddressPools/join/action",
    "Microsoft.Network/publicIPAddresses/read",
    "Microsoft.Network/publicIPAddresses/write",
    "Microsoft.Network/publicIPAddresses/delete",
    "Microsoft.Network/publicIPAddresses/join/action",
    "Microsoft.Network/networkSecurityGroups/read",
    "Microsoft.Network/networkSecurityGroups/write",
    # The controller lists private link services whenever it removes the frontend of a service. Without this
    # action a deleted service keeps its finalizer.
    "Microsoft.Network/privateLinkServices/read",
    # The machines of nodes.
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachines/instanceView/read",
    "Microsoft.Network/networkInterfaces/read",
    "Microsoft.Compute/virtualMachineScaleSets/read",
    "Microsoft.Compute/virtualMachineScaleSets/instanceView/read",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/instanceView/read",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/networkInterfaces/read",
)
"""Actions of the cloud controller, which always runs (cloud-provider-azure, azure-permissions.md).

Control planes also read new machines of pools with them (`boot_joins.py`).
"""

_MACHINE_WRITE_ACTIONS = (
    # A controller that writes a machine needs these actions on what the machine refers to.
    "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    "Microsoft.Network/networkInterfaces/join/action",
    "Microsoft.Network/networkSecurityGroups/join/action",
)
STORAGE_ACTIONS = (
    "Microsoft.Compute/disks/read",
    "Microsoft.Compute/disks/write",
    "Microsoft.Compute/disks/delete",
    "Microsoft.Compute/locations/vmSizes/read",
    "Microsoft.Compute/locations/operations/read",
    "Microsoft.Compute/locations/DiskOperations/read",
    # Attaching a disk writes the machine.
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Compute/virtualMachineScaleSets/read",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/write",
    *_MACHINE_WRITE_ACTIONS,
)
"""Actions of the disk driver (`addons.storage`)."""

FILE_ACTIONS = (
    "Microsoft.Storage/storageAccounts/read",
    "Microsoft.Storage/storageAccounts/fileServices/shares/read",
    "Microsoft.Storage/storageAccounts/fileServices/shares/write",
    "Microsoft.Storage/storageAccounts/fileServices/shares/delete",
)
"""Actions of the driver of Azure Files on the account of `file_storage`. It creates shares through Azure
Resource Manager.
"""
FILE_KEY_ACTIONS = ("Microsoft.Storage/storageAccounts/listKeys/action",)
"""Actions with which the driver reads the key of the account of `file_storage`, which SMB needs."""

AUTOSCALER_ACTIONS = (
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachineScaleSets/read",
    "Microsoft.Compute/virtualMachineScaleSets/instanceView/read",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/instanceView/read",
    # The autoscaler resizes scale sets and deletes drained nodes.
    "Microsoft.Compute/virtualMachineScaleSets/write",
    "Microsoft.Compute/virtualMachineScaleSets/delete/action",
    *_MACHINE_WRITE_ACTIONS,
)
"""Actions of the autoscaler (`addons.autoscaler`)."""

OMITTED_ACTIONS: Mapping[str, str] = {
    "Microsoft.Storage/storageAccounts/delete": "no add-on creates storage accounts",
    "Microsoft.Storage/storageAccounts/listKeys/action": "only on the account of `file_storage`, for SMB",
    "Microsoft.Storage/storageAccounts/read": "only on the account of `file_storage`",
    "Microsoft.Storage/storageAccounts/write": "no add-on creates storage accounts",
    "Microsoft.Storage/operations/read": "no add-on creates storage accounts",
    "Microsoft.Network/routeTables/read": "flannel encapsulates packets of pods; there are no routes",
    "Microsoft.Network/routeTables/routes/delete": "there are no routes",
    "Microsoft.Network/routeTables/routes/read": "there are no routes",
    "Microsoft.Network/routeTables/routes/write": "there are no routes",
    "Microsoft.Network/routeTables/write": "there are no routes",
    "Microsoft.Compute/virtualMachineScaleSets/manualupgrade/action": "only for Kubernetes 1.14 and older",
    "Microsoft.Network/networkInterfaces/write": "load balancers have addresses of nodes, not interfaces",
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/networkInterfaces/ipconfigurations/"
    "publicipaddresses/read": "no node has a public address",
    "Microsoft.Compute/snapshots/delete": "the chart of the disk driver runs without its snapshot controller",
    "Microsoft.Compute/snapshots/read": "the chart of the disk driver runs without its snapshot controller",
    "Microsoft.Compute/snapshots/write": "the chart of the disk driver runs without its snapshot controller",
    "Microsoft.Network/privatelinkservices/delete": "services with a private link service are not supported",
    "Microsoft.Network/privatelinkservices/privateEndpointConnections/delete": "the same",
    "Microsoft.Network/privatelinkservices/write": "the same",
    "Microsoft.Network/virtualNetworks/subnets/write": "the same",
}
"""Actions in the permission list of cloud-provider-azure that the roles omit, with the reason
(kubernetes-sigs/cloud-provider-azure, site/content/en/topics/azure-permissions.md).
"""


def controller_actions(addons: CloudAddonSettings) -> list[str]:
    """Return the actions of the cloud controller and of the chosen add-ons, sorted. No action reads keys."""
    actions = {*NETWORK_ACTIONS, *CLOUD_CONTROLLER_ACTIONS}
    if addons.storage:
        actions |= {*STORAGE_ACTIONS}
    if addons.autoscaler:
        actions |= {*AUTOSCALER_ACTIONS}
    return sorted(actions)


def file_actions(*, keys: bool) -> list[str]:
    """Return the actions of the driver of Azure Files. With `keys` nodes mount volumes with a key."""
    return sorted({*FILE_ACTIONS, *(FILE_KEY_ACTIONS if keys else ())})
