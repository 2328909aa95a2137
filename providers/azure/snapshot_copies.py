"""Copies of etcd's snapshots: a storage account in another location, to which etcd members add blobs."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_azure_native import storage
from pulumi_azure_native.resources import ResourceGroup

from providers.azure.names import COPIES_CONTAINER, Names
from providers.azure.storage_account import create_storage_account
from settings.azure import AzureSnapshotCopySettings

_DELETED_DAYS = 7
"""Deleted copies can be restored for this time."""


@dataclass(frozen=True, kw_only=True)
class SnapshotCopyArgs:
    """Arguments of the copies. With `protect`, the engine refuses to delete the account and its container."""

    names: Names
    settings: AzureSnapshotCopySettings
    protect: bool


class SnapshotCopies(ComponentResource):
    """A storage account in another location with a container for copies of etcd's snapshots.

    `container` is the id of the container, `group` the id of the resource group. The account has a separate
    resource group in the other location, so that the copies survive the loss of the cluster's location.
    """

    container: Output[str]
    group: Output[str]

    def __init__(self, name: str, args: SnapshotCopyArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:SnapshotCopies", name, None, opts)
        self._name, self._args = name, args
        names, location = args.names, args.settings.location
        protect = args.protect or None
        group = ResourceGroup(
            f"{name}-group",
            resource_group_name=names.copies_group,
            location=location,
            tags=names.resource_tags(),
            opts=ResourceOptions(parent=self, protect=protect),
        )
        self.group = group.id
        account = create_storage_account(
            f"{name}-account",
            names,
            names.copies_account(location),
            resource_group=names.copies_group,
            location=location,
            allow_blob_public_access=False,
            # Members in a paired location have private addresses, members in other locations that of the NAT
            # gateway: no rule for addresses fits both. Only tokens of Entra ID are accepted.
            public_network_access="Enabled",
            encryption=storage.EncryptionArgs(
                key_source=storage.KeySource.MICROSOFT_STORAGE,
                require_infrastructure_encryption=True,
                services=storage.EncryptionServicesArgs(
                    blob=storage.EncryptionServiceArgs(enabled=True, key_type="Account")
                ),
            ),
            opts=ResourceOptions(parent=self, protect=protect, depends_on=[group]),
        )
        container = storage.BlobContainer(
            f"{name}-container",
            resource_group_name=names.copies_group,
            account_name=account.name,
            container_name=COPIES_CONTAINER,
            public_access=storage.PublicAccess.NONE,
            opts=ResourceOptions(parent=self, protect=protect, deleted_with=account),
        )
        self.container = container.id
        self._expire_copies(account)
        self.register_outputs({"container": self.container})

    def _expire_copies(self, account: storage.StorageAccount) -> None:
        """Delete copies after `keep_days`. Copies that were deleted otherwise remain for some days."""
        kept = ResourceOptions(parent=self, deleted_with=account)
        retention = storage.DeleteRetentionPolicyArgs(enabled=True, days=_DELETED_DAYS)
        service = storage.BlobServiceProperties(
            f"{self._name}-retention",
            resource_group_name=self._args.names.copies_group,
            account_name=account.name,
            blob_services_name="default",
            delete_retention_policy=retention,
            container_delete_retention_policy=retention,
            opts=kept,
        )
        days = float(self._args.settings.keep_days)
        delete = storage.DateAfterModificationArgs(days_after_creation_greater_than=days)
        rule = storage.ManagementPolicyRuleArgs(
            name="copies",
            type=storage.RuleType.LIFECYCLE,
            definition=storage.ManagementPolicyDefinitionArgs(
                actions=storage.ManagementPolicyActionArgs(
                    base_blob=storage.ManagementPolicyBaseBlobArgs(delete=delete)
                ),
                filters=storage.ManagementPolicyFilterArgs(
                    blob_types=["blockBlob"], prefix_match=[f"{COPIES_CONTAINER}/"]
                ),
            ),
        )
        storage.ManagementPolicy(
            f"{self._name}-expiry",
            resource_group_name=self._args.names.copies_group,
            account_name=account.name,
            management_policy_name="default",
            policy=storage.ManagementPolicySchemaArgs(rules=[rule]),
            opts=ResourceOptions.merge(kept, ResourceOptions(depends_on=[service])),
        )
