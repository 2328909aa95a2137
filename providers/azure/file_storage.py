"""File storage for volumes of pods in Azure Files: a storage account for the subnets of the cluster [H3].

The driver in the cluster creates a file share for each claim. It gets no permission to create accounts,
because this permission includes the account of the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Output, Resource, ResourceOptions
from pulumi_azure_native import storage

from providers.azure.names import Names
from providers.azure.network import NetworkReference
from providers.azure.permissions import file_actions
from providers.azure.private_endpoint import FILES, create_private_endpoint
from providers.azure.storage_account import create_storage_account, only_from
from settings.azure import AzureSettings
from settings.azure_file_storage import AzureFileStorageSettings, FileProtocol
from topology.environments import PRODUCTION
from topology.model import Topology


@dataclass(frozen=True, kw_only=True)
class FileStorageArgs:
    """Arguments of the file storage. With `private`, the account has only an address in the subnet of
    members. With `protect`, the engine refuses to delete the account.
    """

    names: Names
    network: NetworkReference
    settings: AzureFileStorageSettings
    private: bool
    protect: bool


class FileStorage(ComponentResource):
    """A new storage account, or an existing one, which is left as it is.

    `account` is the id of the account, `account_name` its name, and `group` the name of its resource group.
    `dependencies` must exist before nodes mount volumes.
    """

    account: Output[str]
    account_name: str
    group: str
    dependencies: Sequence[Resource]

    def __init__(self, name: str, args: FileStorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:FileStorage", name, None, opts)
        self._name, self._args = name, args
        if existing := args.settings.account:
            words = existing.split("/")
            self.account, self.dependencies = Output.from_input(existing), []
            self.group, self.account_name = words[4], words[-1]
        else:
            self.group, self.account_name = args.names.resource_group, args.names.files_account
            account = self._create_account()
            self.account = account.id
            self.dependencies = (
                [create_private_endpoint(name, FILES, args.names, args.network, account)]
                if args.private
                else [account]
            )
        self.register_outputs({"account": self.account})

    @property
    def group_id(self) -> str:
        """The id of the resource group of the account."""
        return f"/subscriptions/{self._args.names.subscription}/resourceGroups/{self.group}"

    @property
    def actions(self) -> list[str]:
        """The actions of the driver on the account."""
        return file_actions(keys=self._args.settings.protocol is FileProtocol.SMB)

    def _create_account(self) -> storage.StorageAccount:
        args, network = self._args, self._args.network
        nfs = args.settings.protocol is FileProtocol.NFS
        return create_storage_account(
            f"{self._name}-account",
            args.names,
            self.account_name,
            kind=storage.Kind.FILE_STORAGE if args.settings.sku.is_premium else storage.Kind.STORAGE_V2,
            sku=args.settings.sku,
            # NFS has no encryption that clients negotiate, so an account that requires encryption refuses it.
            https_only=not nfs,
            # SMB authenticates nodes with a key of the account. NFS has no keys.
            shared_keys=not nfs,
            allow_blob_public_access=False,
            public_network_access="Disabled" if args.private else "Enabled",
            network_rule_set=only_from((network.members, network.pools)),
            encryption=storage.EncryptionArgs(
                key_source=storage.KeySource.MICROSOFT_STORAGE,
                require_infrastructure_encryption=True,
                services=storage.EncryptionServicesArgs(
                    file=storage.EncryptionServiceArgs(enabled=True, key_type="Account")
                ),
            ),
            # Azure refuses a rule for a subnet while another subnet of the network changes.
            opts=ResourceOptions(
                parent=self, protect=args.protect or None, depends_on=list(network.machine_dependencies)
            ),
        )


def create_file_storage(
    settings: AzureSettings,
    topology: Topology,
    names: Names,
    network: NetworkReference,
    name: str,
    opts: ResourceOptions,
) -> FileStorage | None:
    """Create the file storage for volumes, if the settings request it."""
    if settings.file_storage is None:
        return None
    args = FileStorageArgs(
        names=names,
        network=network,
        settings=settings.file_storage,
        private=settings.private_store,
        protect=topology.environment == PRODUCTION,
    )
    return FileStorage(name, args, opts)
