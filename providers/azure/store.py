"""The store of bundles and secrets: a storage account with containers for each identity, and a container for
the tokens of machines in pools.

Secret payloads are blobs too: a secret of a Key Vault holds 25 KB, and the payload of a control plane is
several times larger. docs/azure.md compares blobs and Key Vault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_azure_native import storage
from pulumi_command.local import Command, Logging

from providers.azure.names import JOINS_CONTAINER, Names
from providers.azure.network import NetworkReference
from providers.azure.private_endpoint import STORE, create_private_endpoint
from providers.azure.storage_account import create_storage_account, only_from
from providers.cloud.artifacts import FILES_VARIABLE, PREFIX, StoredFile, files_text
from providers.cloud.gate import command_line, create_gate

_RFC1918 = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_MODULE = f"{__package__}.objects"
_ARTIFACTS_MODULE = f"{__package__}.artifacts"
_RETENTION_DAYS = 7
"""Deleted and replaced blobs can be restored for this time. Old secrets must not stay forever."""
_JOINS_DAYS = 1.0
"""Tokens of machines are deleted after this time. They expire earlier."""


@dataclass(frozen=True, kw_only=True)
class StoreArgs:
    """Arguments of the store. `containers` are the names of its containers, and `files` the files that
    machines fetch from the store.

    `url` is the URL of the blob service for the deployer, and `ca_file` the PEM file of its certificate
    authority, or None.

    `allowed_networks` are the external networks from which deployers reach the store. With `private` the
    store has only an address in the subnet of members, and external networks cannot reach it.
    """

    names: Names
    containers: Sequence[str]
    network: NetworkReference
    allowed_networks: Sequence[IPv4Network]
    private: bool
    url: str
    ca_file: str | None
    files: Sequence[StoredFile] = ()


class Store(ComponentResource):
    """The storage account and its containers. `container_ids` are the ids of the containers by name.
    `artifacts` has the command that puts the files of machines into the store, if they fetch files there.
    """

    container_ids: Mapping[str, Output[str]]
    artifacts: Sequence[Resource]

    def __init__(self, name: str, args: StoreArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:Store", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        self._child = ResourceOptions(parent=self)
        self._account = self._create_storage_account()
        self._versioning = self._configure_versioning()
        containers = [*args.containers, *([PREFIX] if args.files else [])]
        self._containers = {container: self._create_container(container) for container in containers}
        self.container_ids = {name: container.id for name, container in self._containers.items()}
        self._private_endpoints = (
            [create_private_endpoint(name, STORE, args.names, args.network, self._account)]
            if args.private
            else []
        )
        self.artifacts = [self._put_artifacts()] if args.files else []
        self.register_outputs({"id": self._account.id})

    def put(self, container: str, key: str, content: Input[str]) -> Resource:
        """Create the command that writes an object to the store, and deletes it at the end.

        The content is a secret input also when it is no secret: the gate of the machines shows it line by
        line, and a preview must not show it twice.
        """
        target, options = f"{self._args.url}/{container}", self._program_options
        text: Output[str] = Output.secret(content)
        return Command(
            f"{self._name}-{key}",
            create=command_line(_MODULE, *options, "put", target, key),
            delete=command_line(_MODULE, *options, "delete", target, key),
            stdin=text,
            logging=Logging.NONE,
            add_previous_output_in_env=False,
            opts=self._after_container(container),
        )

    def _put_artifacts(self) -> Resource:
        """Create the command that uploads the files which the store lacks.

        Files are deleted with their container.
        """
        target = f"{self._args.url}/{PREFIX}"
        return create_gate(
            f"{self._name}-files",
            command_line(_ARTIFACTS_MODULE, *self._program_options, target),
            self._after_container(PREFIX),
            variables={FILES_VARIABLE: files_text(self._args.files)},
        )

    @property
    def _program_options(self) -> list[str]:
        options = [*self._names.program_arguments]
        return [*options, "--ca-file", self._args.ca_file] if self._args.ca_file else options

    def _after_container(self, container: str) -> ResourceOptions:
        """Return the options of a command that writes to a container."""
        return ResourceOptions(
            parent=self,
            deleted_with=self._account,
            # Versioning comes first, so that it covers every version of a blob.
            depends_on=[self._versioning, self._containers[container], *self._private_endpoints],
        )

    def _create_storage_account(self) -> storage.StorageAccount:
        rules = () if self._args.private else ip_rules(self._args.allowed_networks)
        return create_storage_account(
            f"{self._name}-account",
            self._names,
            self._names.storage_account,
            allow_blob_public_access=False,
            public_network_access="Disabled" if self._args.private else "Enabled",
            encryption=storage.EncryptionArgs(
                key_source=storage.KeySource.MICROSOFT_STORAGE,
                require_infrastructure_encryption=True,
                services=storage.EncryptionServicesArgs(
                    blob=storage.EncryptionServiceArgs(enabled=True, key_type="Account")
                ),
            ),
            network_rule_set=only_from(
                (self._args.network.members, self._args.network.pools),
                storage.DefaultAction.ALLOW if rules is None else storage.DefaultAction.DENY,
                tuple(rules or ()),
            ),
            # Azure refuses a rule for a subnet while another subnet of the network changes.
            opts=ResourceOptions(parent=self, depends_on=list(self._args.network.machine_dependencies)),
        )

    def _create_container(self, container: str) -> storage.BlobContainer:
        return storage.BlobContainer(
            f"{self._name}-{container}",
            resource_group_name=self._names.resource_group,
            account_name=self._account.name,
            container_name=container,
            public_access=storage.PublicAccess.NONE,
            opts=ResourceOptions(parent=self, deleted_with=self._account),
        )

    def _configure_versioning(self) -> Resource:
        """Enable blob versions, and delete old versions, deleted blobs and old tokens of machines."""
        retention = storage.DeleteRetentionPolicyArgs(enabled=True, days=_RETENTION_DAYS)
        service = storage.BlobServiceProperties(
            f"{self._name}-versions",
            resource_group_name=self._names.resource_group,
            account_name=self._account.name,
            blob_services_name="default",
            is_versioning_enabled=True,
            delete_retention_policy=retention,
            container_delete_retention_policy=retention,
            opts=ResourceOptions(parent=self, deleted_with=self._account),
        )
        after = storage.DateAfterCreationArgs(days_after_creation_greater_than=float(_RETENTION_DAYS))
        storage.ManagementPolicy(
            f"{self._name}-forgetting",
            resource_group_name=self._names.resource_group,
            account_name=self._account.name,
            management_policy_name="default",
            policy=storage.ManagementPolicySchemaArgs(
                rules=[
                    _lifecycle_rule(
                        "old-versions",
                        storage.ManagementPolicyActionArgs(
                            version=storage.ManagementPolicyVersionArgs(delete=after)
                        ),
                        storage.ManagementPolicyFilterArgs(blob_types=["blockBlob"]),
                    ),
                    _lifecycle_rule(
                        "joins",
                        storage.ManagementPolicyActionArgs(
                            base_blob=storage.ManagementPolicyBaseBlobArgs(
                                delete=storage.DateAfterModificationArgs(
                                    days_after_creation_greater_than=_JOINS_DAYS
                                )
                            )
                        ),
                        storage.ManagementPolicyFilterArgs(
                            blob_types=["blockBlob", "appendBlob"], prefix_match=[f"{JOINS_CONTAINER}/"]
                        ),
                    ),
                ]
            ),
            opts=ResourceOptions(parent=self, deleted_with=self._account, depends_on=[service]),
        )
        return service


def _lifecycle_rule(
    name: str, actions: storage.ManagementPolicyActionArgs, filters: storage.ManagementPolicyFilterArgs
) -> storage.ManagementPolicyRuleArgs:
    return storage.ManagementPolicyRuleArgs(
        name=name,
        type=storage.RuleType.LIFECYCLE,
        definition=storage.ManagementPolicyDefinitionArgs(actions=actions, filters=filters),
    )


def ip_rules(allowed: Iterable[IPv4Network]) -> tuple[str, ...] | None:
    """Return IP rules of a storage account that allow these networks; None if one of them is 0.0.0.0/0.

    None means that no rule restricts addresses. Rules must not contain private ranges, so these are left
    out, nor prefixes of /31 and /32, so these become single addresses
    (learn.microsoft.com/azure/storage/common/storage-network-security).
    """
    rules: list[str] = []
    for network in allowed:
        if network.prefixlen == 0:
            return None
        if not any(network.subnet_of(private) for private in _RFC1918):
            single = network.prefixlen > 30
            rules += [str(address) for address in network] if single else [str(network)]
    return tuple(rules)
