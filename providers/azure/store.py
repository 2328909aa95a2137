"""The store of bundles and secrets: a storage account with a container for each identity.

Everything is one blob each, secret payloads included: a secret of a Key Vault holds 25 KB, a control
plane's payload is several times that. docs/azure.md weighs the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions, StringAsset
from pulumi_azure_native import storage

from providers.azure.names import Names
from providers.azure.network import Place
from providers.azure.private_endpoint import private_door

_RFC1918 = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_KEPT_DAYS = 7
"""How long what was deleted or replaced can be had back. Old secrets must not stay for ever."""


@dataclass(frozen=True, kw_only=True)
class StoreArgs:
    """`containers` are the names of all of them; `place` is where machines are.

    `allowed` are networks outside from which the deployer comes. `private`: the store has no address but
    one in the members' subnet, and nobody comes from outside.
    """

    names: Names
    containers: Sequence[str]
    place: Place
    allowed: Sequence[IPv4Network]
    private: bool


class Store(ComponentResource):
    """The account and its containers. `scopes` are the containers' ids, by name."""

    scopes: Mapping[str, Output[str]]

    def __init__(self, name: str, args: StoreArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:Store", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        self._child = ResourceOptions(parent=self)
        self._account = self._make()
        self._kept = self._keep()
        self._containers = {container: self._container(container) for container in args.containers}
        self.scopes = {name: container.id for name, container in self._containers.items()}
        self._door = [private_door(name, args.names, args.place, self._account)] if args.private else []
        self.register_outputs({"id": self._account.id})

    def put(self, container: str, key: str, content: Input[str], *, secret: bool) -> Resource:
        """One object: its key stays when its content changes, so that a preview shows lines."""
        text = Output.secret(content) if secret else Output.from_input(content)
        return storage.Blob(
            f"{self._name}-{key}",
            resource_group_name=self._names.group,
            account_name=self._account.name,
            container_name=self._containers[container].name,
            blob_name=key,
            type=storage.BlobType.BLOCK,
            content_type="text/plain; charset=utf-8",
            source=text.apply(StringAsset),
            opts=ResourceOptions(
                parent=self,
                # A blob that is replaced keeps its name: the new one must not be deleted with the old.
                delete_before_replace=True,
                deleted_with=self._account,
                # Of a blob's versions none is unseen.
                depends_on=[self._kept, *self._door],
            ),
        )

    def _make(self) -> storage.StorageAccount:
        rules = () if self._args.private else ip_rules(self._args.allowed)
        return storage.StorageAccount(
            f"{self._name}-account",
            resource_group_name=self._names.group,
            account_name=self._names.account,
            location=self._names.location,
            kind=storage.Kind.STORAGE_V2,
            sku=storage.SkuArgs(name=storage.SkuName.STANDARD_ZRS),
            minimum_tls_version="TLS1_2",
            enable_https_traffic_only=True,
            allow_blob_public_access=False,
            allow_cross_tenant_replication=False,
            # Pulumi's blobs go by the account's key, which only the deployer may read. No machine has it.
            allow_shared_key_access=True,
            default_to_o_auth_authentication=True,
            public_network_access="Disabled" if self._args.private else "Enabled",
            encryption=storage.EncryptionArgs(
                key_source=storage.KeySource.MICROSOFT_STORAGE,
                require_infrastructure_encryption=True,
                services=storage.EncryptionServicesArgs(
                    blob=storage.EncryptionServiceArgs(enabled=True, key_type="Account")
                ),
            ),
            network_rule_set=storage.NetworkRuleSetArgs(
                default_action=storage.DefaultAction.ALLOW if rules is None else storage.DefaultAction.DENY,
                bypass=storage.Bypass.NONE,
                ip_rules=[storage.IPRuleArgs(i_p_address_or_range=rule) for rule in rules or ()],
                virtual_network_rules=[
                    storage.VirtualNetworkRuleArgs(virtual_network_resource_id=subnet)
                    for subnet in (self._args.place.members, self._args.place.pools)
                ],
            ),
            tags=self._names.tagged(),
            opts=self._child,
        )

    def _container(self, container: str) -> storage.BlobContainer:
        return storage.BlobContainer(
            f"{self._name}-{container}",
            resource_group_name=self._names.group,
            account_name=self._account.name,
            container_name=container,
            public_access=storage.PublicAccess.NONE,
            opts=ResourceOptions(parent=self, deleted_with=self._account),
        )

    def _keep(self) -> Resource:
        """Versions and deleted blobs stay for some days, and no longer."""
        kept = storage.DeleteRetentionPolicyArgs(enabled=True, days=_KEPT_DAYS)
        service = storage.BlobServiceProperties(
            f"{self._name}-versions",
            resource_group_name=self._names.group,
            account_name=self._account.name,
            blob_services_name="default",
            is_versioning_enabled=True,
            delete_retention_policy=kept,
            container_delete_retention_policy=kept,
            opts=ResourceOptions(parent=self, deleted_with=self._account),
        )
        after = storage.DateAfterCreationArgs(days_after_creation_greater_than=float(_KEPT_DAYS))
        storage.ManagementPolicy(
            f"{self._name}-forgetting",
            resource_group_name=self._names.group,
            account_name=self._account.name,
            management_policy_name="default",
            policy=storage.ManagementPolicySchemaArgs(
                rules=[
                    storage.ManagementPolicyRuleArgs(
                        name="old-versions",
                        type=storage.RuleType.LIFECYCLE,
                        definition=storage.ManagementPolicyDefinitionArgs(
                            actions=storage.ManagementPolicyActionArgs(
                                version=storage.ManagementPolicyVersionArgs(delete=after)
                            ),
                            filters=storage.ManagementPolicyFilterArgs(blob_types=["blockBlob"]),
                        ),
                    )
                ]
            ),
            opts=ResourceOptions(parent=self, deleted_with=self._account, depends_on=[service]),
        )
        return service


def ip_rules(allowed: Iterable[IPv4Network]) -> tuple[str, ...] | None:
    """The firewall rules that let these networks in; None where one of them is the whole world.

    A storage account refuses private ranges, which never reach it as such, and prefixes of /31 and /32
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
