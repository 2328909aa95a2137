"""Readers that find public access and missing encryption in Azure resources."""

from __future__ import annotations

from collections.abc import Iterator

from providers.resources import Inputs, IsPublic, Opening, is_known, mapping, mappings, may_be_true, strings
from settings.azure import ISSUER_CONTAINER

STORAGE_ACCOUNTS = ("azure-native:storage:StorageAccount",)
DISKS = ("azure-native:compute:Disk",)
PUBLIC_NAMES = frozenset({"*", "any", "internet", "azurecloud"})
"""Source names that mean any address. `AzureCloud` covers the machines of every customer."""
_SCALE_SETS = ("azure-native:compute:VirtualMachineScaleSet", "azure-native:compute:VirtualMachineScaleSetVM")
_TLS_VERSIONS = ("tls1_2", "tls1_3")


def openings(resource_type: str, inputs: Inputs) -> Iterator[Opening]:
    """Yield an opening for each inbound allow rule of a security group or of a rule resource."""
    if resource_type == "azure-native:network:SecurityRule":
        rules = [("", inputs)]
    elif resource_type == "azure-native:network:NetworkSecurityGroup":
        listed = mappings(inputs.get("securityRules"))
        rules = [(f"securityRules[{number}].", rule) for number, rule in enumerate(listed)]
    else:
        return
    for path, rule in rules:
        if _lower_case(rule, "direction") == "inbound" and _lower_case(rule, "access") == "allow":
            sources = (*strings(rule.get("sourceAddressPrefix")), *strings(rule.get("sourceAddressPrefixes")))
            ports = [
                *strings(rule.get("destinationPortRange")),
                *strings(rule.get("destinationPortRanges")),
            ]
            protocol = str(rule.get("protocol", ""))
            yield Opening(f"{path}sourceAddressPrefix", protocol, ", ".join(ports), sources)


def _lower_case(rule: Inputs, key: str) -> str:
    """Return the value of an input in lower case: Azure accepts any case for these inputs."""
    return str(rule.get(key, "")).lower()


def public_machines(resource_type: str, inputs: Inputs) -> Iterator[str]:
    """Yield messages about inputs that give a machine a public address."""
    if resource_type == "azure-native:network:NetworkInterface":
        for number, address in enumerate(mappings(inputs.get("ipConfigurations"))):
            if mapping(address.get("publicIPAddress")):
                yield f"ipConfigurations[{number}].publicIPAddress: must be left out"
    elif resource_type in _SCALE_SETS:
        profile = mapping(inputs.get("virtualMachineProfile"))
        path, profile = ("virtualMachineProfile.", profile) if profile else ("", inputs)
        yield from _public_interfaces(f"{path}networkProfile.", mapping(profile.get("networkProfile")))
    elif resource_type == "azure-native:compute:VirtualMachine":
        yield from _public_interfaces("networkProfile.", mapping(inputs.get("networkProfile")))


def _public_interfaces(path: str, profile: Inputs) -> Iterator[str]:
    for number, interface in enumerate(mappings(profile.get("networkInterfaceConfigurations"))):
        for index, address in enumerate(mappings(interface.get("ipConfigurations"))):
            if mapping(address.get("publicIPAddressConfiguration")):
                configuration = f"networkInterfaceConfigurations[{number}].ipConfigurations[{index}]"
                yield f"{path}{configuration}.publicIPAddressConfiguration: must be left out"


def public_stores(resource_type: str, inputs: Inputs, is_public: IsPublic) -> Iterator[str]:
    """Yield messages about inputs of storage accounts and containers that allow anonymous access."""
    if resource_type in STORAGE_ACCOUNTS:
        # Older API versions allow public access by default, so a missing value is a violation.
        public = inputs.get("allowBlobPublicAccess")
        if public is not False and is_known(public):
            yield "allowBlobPublicAccess: must be false"
    elif resource_type == "azure-native:storage:BlobContainer":
        access = inputs.get("publicAccess", "None")
        if is_known(access) and str(access).lower() != "none":
            yield "publicAccess: must be None"


def publishes_only_issuer(resource_type: str, inputs: Inputs, store: str) -> bool:
    """Return whether a resource is the storage account `store`, or its container of the issuer.

    The container allows anonymous clients to read blobs. Listing its blobs remains forbidden.
    """
    if inputs.get("accountName") != store:
        return False
    if resource_type in STORAGE_ACCOUNTS:
        return True
    return (
        resource_type == "azure-native:storage:BlobContainer"
        and inputs.get("containerName") == ISSUER_CONTAINER
        and str(inputs.get("publicAccess")) == "Blob"
    )


def unencrypted_disks(resource_type: str, inputs: Inputs) -> Iterator[str]:
    """Yield no message, because Azure encrypts every managed disk and no input disables this."""
    yield from ()


def weak_transport(resource_type: str, inputs: Inputs) -> Iterator[str]:
    """Yield messages about a storage account that accepts connections without TLS 1.2 or later."""
    if resource_type not in STORAGE_ACCOUNTS:
        return
    if not _has_only_nfs(inputs) and not may_be_true(inputs.get("enableHttpsTrafficOnly", True)):
        yield "enableHttpsTrafficOnly: must be true"
    version = inputs.get("minimumTlsVersion")
    if is_known(version) and str(version).lower() not in _TLS_VERSIONS:
        yield "minimumTlsVersion: must be TLS1_2 or later"


def _has_only_nfs(inputs: Inputs) -> bool:
    """Return whether the account has only file shares, whose clients have no key: SMB and REST refuse them.

    NFS needs an account that does not require encryption.
    """
    return inputs.get("kind") == "FileStorage" and inputs.get("allowSharedKeyAccess") is False


def unprotected_data(resource_type: str, inputs: Inputs) -> Iterator[str]:
    """Yield a message for every disk and for every account of file shares, because Azure deletes them without
    a copy.
    """
    if resource_type in DISKS:
        yield "must have `protect`: it holds a member's data"
    if resource_type in STORAGE_ACCOUNTS and inputs.get("kind") == "FileStorage":
        yield "must have `protect`: it holds the data of pods"


def deleted_content(resource_type: str, inputs: Inputs) -> Iterator[str]:
    """Yield a message for every storage account, because Azure deletes its content with the account."""
    if resource_type in STORAGE_ACCOUNTS:
        yield "without `protect` the storage account is deleted with its content"
