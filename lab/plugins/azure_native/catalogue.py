"""The resource types that the emulation supports, by type token."""

from __future__ import annotations

from collections.abc import Mapping

from lab.plugins.azure_native.kinds import ArmKind, ExtensionKind, GroupKind, RecordSetKind, ScaleSetKind

_NETWORK, _COMPUTE, _STORAGE = "Microsoft.Network", "Microsoft.Compute", "Microsoft.Storage/storageAccounts"
_BACKUP = "Microsoft.DataProtection/backupVaults"
_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities"

KINDS: Mapping[str, ArmKind] = {
    kind.token: kind
    for kind in (
        ExtensionKind(
            "azure-native:authorization:RoleAssignment",
            "Microsoft.Authorization/roleAssignments",
            ("roleAssignmentName",),
        ),
        ExtensionKind(
            "azure-native:authorization:RoleDefinition",
            "Microsoft.Authorization/roleDefinitions",
            ("roleDefinitionId",),
        ),
        ArmKind("azure-native:compute:Disk", f"{_COMPUTE}/disks", ("diskName",)),
        ArmKind(
            "azure-native:compute:VirtualMachine",
            f"{_COMPUTE}/virtualMachines",
            ("vmName",),
            wrapped=("networkProfile.networkInterfaces",),
        ),
        ScaleSetKind(
            "azure-native:compute:VirtualMachineScaleSet",
            f"{_COMPUTE}/virtualMachineScaleSets",
            ("vmScaleSetName",),
            wrapped=(
                "virtualMachineProfile.networkProfile.networkInterfaceConfigurations.ipConfigurations",
                "virtualMachineProfile.networkProfile.networkInterfaceConfigurations",
                "virtualMachineProfile.extensionProfile.extensions",
            ),
        ),
        ArmKind("azure-native:dataprotection:BackupVault", _BACKUP, ("vaultName",)),
        ArmKind(
            "azure-native:dataprotection:BackupPolicy",
            f"{_BACKUP}/backupPolicies",
            ("vaultName", "backupPolicyName"),
        ),
        ArmKind(
            "azure-native:dataprotection:BackupInstance",
            f"{_BACKUP}/backupInstances",
            ("vaultName", "backupInstanceName"),
        ),
        ArmKind(
            "azure-native:managedidentity:FederatedIdentityCredential",
            f"{_IDENTITY}/federatedIdentityCredentials",
            ("resourceName", "federatedIdentityCredentialResourceName"),
        ),
        ArmKind("azure-native:managedidentity:UserAssignedIdentity", _IDENTITY, ("resourceName",)),
        ArmKind(
            "azure-native:network:LoadBalancer",
            f"{_NETWORK}/loadBalancers",
            ("loadBalancerName",),
            wrapped=(
                "frontendIPConfigurations",
                "backendAddressPools",
                "probes",
                "loadBalancingRules",
            ),
        ),
        ArmKind("azure-native:network:NatGateway", f"{_NETWORK}/natGateways", ("natGatewayName",)),
        ArmKind(
            "azure-native:network:NetworkInterface",
            f"{_NETWORK}/networkInterfaces",
            ("networkInterfaceName",),
            wrapped=("ipConfigurations",),
        ),
        ArmKind(
            "azure-native:network:NetworkSecurityGroup",
            f"{_NETWORK}/networkSecurityGroups",
            ("networkSecurityGroupName",),
        ),
        ArmKind(
            "azure-native:network:PrivateDnsZoneGroup",
            f"{_NETWORK}/privateEndpoints/privateDnsZoneGroups",
            ("privateEndpointName", "privateDnsZoneGroupName"),
            wrapped=("privateDnsZoneConfigs",),
        ),
        ArmKind(
            "azure-native:network:PrivateEndpoint",
            f"{_NETWORK}/privateEndpoints",
            ("privateEndpointName",),
            wrapped=("privateLinkServiceConnections",),
        ),
        ArmKind(
            "azure-native:network:PublicIPAddress",
            f"{_NETWORK}/publicIPAddresses",
            ("publicIpAddressName",),
        ),
        ArmKind(
            "azure-native:network:SecurityRule",
            f"{_NETWORK}/networkSecurityGroups/securityRules",
            ("networkSecurityGroupName", "securityRuleName"),
        ),
        ArmKind(
            "azure-native:network:Subnet",
            f"{_NETWORK}/virtualNetworks/subnets",
            ("virtualNetworkName", "subnetName"),
        ),
        ArmKind(
            "azure-native:network:VirtualNetwork", f"{_NETWORK}/virtualNetworks", ("virtualNetworkName",)
        ),
        RecordSetKind(
            "azure-native:privatedns:PrivateRecordSet",
            f"{_NETWORK}/privateDnsZones",
            ("privateZoneName", "recordType", "relativeRecordSetName"),
        ),
        ArmKind("azure-native:privatedns:PrivateZone", f"{_NETWORK}/privateDnsZones", ("privateZoneName",)),
        ArmKind(
            "azure-native:privatedns:VirtualNetworkLink",
            f"{_NETWORK}/privateDnsZones/virtualNetworkLinks",
            ("privateZoneName", "virtualNetworkLinkName"),
        ),
        GroupKind(
            "azure-native:resources:ResourceGroup",
            "Microsoft.Resources/resourceGroups",
            ("resourceGroupName",),
        ),
        ArmKind(
            "azure-native:storage:BlobContainer",
            f"{_STORAGE}/blobServices/containers",
            ("accountName", "", "containerName"),
        ),
        ArmKind(
            "azure-native:storage:BlobServiceProperties",
            f"{_STORAGE}/blobServices",
            ("accountName", "blobServicesName"),
        ),
        ArmKind(
            "azure-native:storage:ManagementPolicy",
            f"{_STORAGE}/managementPolicies",
            ("accountName", "managementPolicyName"),
        ),
        ArmKind("azure-native:storage:StorageAccount", _STORAGE, ("accountName",)),
    )
}
"""The resource types by type token."""
