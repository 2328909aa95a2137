"""Storage accounts: the redundancy and the security settings that all of them have."""

from __future__ import annotations

from pulumi import Input, ResourceOptions
from pulumi_azure_native import storage

from providers.azure.names import Names


def create_storage_account(
    name: str,
    names: Names,
    account_name: str,
    *,
    allow_blob_public_access: bool,
    public_network_access: str,
    network_rule_set: storage.NetworkRuleSetArgs | None = None,
    encryption: storage.EncryptionArgs | None = None,
    resource_group: str = "",
    location: str = "",
    kind: str = storage.Kind.STORAGE_V2,
    sku: str = storage.SkuName.STANDARD_ZRS,
    https_only: bool = True,
    shared_keys: bool = False,
    opts: ResourceOptions,
) -> storage.StorageAccount:
    """Create a storage account, by default in the resource group and the location of the cluster.

    `name` is the name of the Pulumi resource, and `account_name` that of the account, unique in all of Azure.
    Without `https_only`, clients may connect without encryption. With `shared_keys`, the keys of the account
    are valid.
    """
    return storage.StorageAccount(
        name,
        resource_group_name=resource_group or names.resource_group,
        account_name=account_name,
        location=location or names.location,
        kind=kind,
        sku=storage.SkuArgs(name=sku),
        minimum_tls_version="TLS1_2",
        enable_https_traffic_only=https_only,
        allow_cross_tenant_replication=False,
        # Deployer and machines use tokens of Entra ID (`providers.azure.objects`).
        allow_shared_key_access=shared_keys,
        default_to_o_auth_authentication=True,
        allow_blob_public_access=allow_blob_public_access,
        public_network_access=public_network_access,
        network_rule_set=network_rule_set,
        encryption=encryption,
        tags=names.resource_tags(),
        opts=opts,
    )


def only_from(
    subnets: tuple[Input[str], ...],
    default_action: storage.DefaultAction = storage.DefaultAction.DENY,
    addresses: tuple[str, ...] = (),
) -> storage.NetworkRuleSetArgs:
    """Return the firewall of an account that clients in these subnets reach, and those with `addresses`."""
    return storage.NetworkRuleSetArgs(
        default_action=default_action,
        bypass=storage.Bypass.NONE,
        ip_rules=[storage.IPRuleArgs(i_p_address_or_range=address) for address in addresses],
        virtual_network_rules=[
            storage.VirtualNetworkRuleArgs(virtual_network_resource_id=subnet) for subnet in subnets
        ],
    )
