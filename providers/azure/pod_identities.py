"""Identities of pods: managed identities, their federated credentials, and the issuer of the pods' tokens.

The issuer is a blob container with exactly two documents, which anonymous clients may read. Azure's
documentation for self-managed clusters also publishes them in a storage account (azure.github.io/
azure-workload-identity/docs/installation/self-managed-clusters/oidc-issuer/discovery-document.html). This
container is public, and no static website: the URL of a website has a part that Azure chooses when it creates
the account, while API servers and federated credentials need the URL of the issuer in advance.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions, RunError
from pulumi_azure_native import storage
from pulumi_azure_native.authorization import RoleAssignment
from pulumi_azure_native.managedidentity import FederatedIdentityCredential, UserAssignedIdentity
from pulumi_command.local import Command

from components.addons.pod_identities import PodIdentity, TokenVolume
from providers.azure.names import Names
from providers.azure.storage_account import create_storage_account
from providers.cloud.gate import command_line
from providers.cloud.issuer_documents import discovery_document, key_set, signing_algorithms
from settings.azure import ISSUER_CONTAINER
from settings.azure_pod_identities import AzurePodIdentitiesSettings, AzurePodIdentitySettings
from topology.service_account_tokens import DISCOVERY_PATH, JWKS_PATH

AUDIENCE = "api://AzureADTokenExchange"
"""The audience that Entra ID expects in the tokens of pods, in every cloud of Azure."""
VOLUME = TokenVolume(
    name="azure-identity-token",
    audience=AUDIENCE,
    path="/var/run/secrets/azure/tokens",
    file="azure-identity-token",
)
"""The token volume of upstream's webhook (Azure/azure-workload-identity, pkg/webhook/consts.go)."""
_MODULE = f"{__package__}.objects"
_NOT_IN_CREDENTIAL_NAMES = re.compile("[^A-Za-z0-9-]+")
_LONGEST_ACCOUNT = 100
"""Maximum length of the account in the name of a credential, which has at most 120 characters."""


@dataclass(frozen=True, kw_only=True)
class PodIdentityArgs:
    """Arguments of the identities of pods.

    `issuer` is the URL of the issuer, and `keys` are the public keys of service account tokens in PEM.
    `login` is the URL of Entra ID, and `ca_file` the PEM file of the authority of private endpoints, or None.
    """

    names: Names
    settings: AzurePodIdentitiesSettings
    issuer: str
    keys: Output[str]
    login: str
    ca_file: str | None


class AzurePodIdentities(ComponentResource):
    """The issuer and the managed identities. `identities` are what pods of service accounts receive."""

    identities: Sequence[PodIdentity]

    def __init__(self, name: str, args: PodIdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:azure:PodIdentities", name, None, opts)
        self._name, self._args, self._names = name, args, args.names
        self._publish(self._create_container())
        self.identities = [
            self._create_identity(identity, settings)
            for identity, settings in args.settings.identities.items()
        ]
        self.register_outputs({"issuer": args.issuer})

    def _create_container(self) -> Resource:
        """Create the storage account of the issuer, and its container, whose blobs are public."""
        account = create_storage_account(
            f"{self._name}-issuer",
            self._names,
            self._args.settings.issuer_account,
            # Entra ID reads the documents without a token.
            allow_blob_public_access=True,
            public_network_access="Enabled",
            opts=ResourceOptions(parent=self),
        )
        return storage.BlobContainer(
            f"{self._name}-documents",
            resource_group_name=self._names.resource_group,
            # A constant name, which policies read in a preview.
            account_name=self._args.settings.issuer_account,
            container_name=ISSUER_CONTAINER,
            # Anonymous clients may read blobs and may not list them.
            public_access=storage.PublicAccess.BLOB,
            opts=ResourceOptions(parent=self, deleted_with=account, depends_on=[account]),
        )

    def _publish(self, container: Resource) -> None:
        """Write the two documents of the issuer to its container."""
        issuer, keys = self._args.issuer, self._args.keys
        documents: Mapping[str, tuple[str, Output[str]]] = {
            "discovery": (DISCOVERY_PATH, keys.apply(partial(_discovery_document, issuer))),
            "keys": (JWKS_PATH, keys.apply(key_set)),
        }
        options = [*self._names.program_arguments]
        options += ["--ca-file", self._args.ca_file] if self._args.ca_file else []
        for name, (path, document) in documents.items():
            Command(
                f"{self._name}-{name}",
                create=command_line(_MODULE, *options, "put", issuer, path),
                delete=command_line(_MODULE, *options, "delete", issuer, path),
                stdin=document,
                add_previous_output_in_env=False,
                opts=ResourceOptions(parent=self, deleted_with=container, depends_on=[container]),
            )

    def _create_identity(self, name: str, settings: AzurePodIdentitySettings) -> PodIdentity:
        identity = UserAssignedIdentity(
            f"{self._name}-{name}",
            resource_group_name=self._names.resource_group,
            resource_name_=self._names.identity(f"pod-{name}"),
            location=self._names.location,
            tags=self._names.resource_tags(),
            opts=ResourceOptions(parent=self),
        )
        self._create_credentials(name, identity, settings.service_accounts)
        self._assign_roles(name, identity, settings)
        return PodIdentity(
            name=name,
            service_accounts=settings.service_accounts,
            environment=self._environment(identity),
            volume=VOLUME,
        )

    def _create_credentials(self, name: str, identity: UserAssignedIdentity, accounts: Sequence[str]) -> None:
        previous: Resource = identity
        for account in accounts:
            namespace, service_account = account.split("/")
            credential = FederatedIdentityCredential(
                # Namespaces have no dots, so that these names are unique.
                f"{self._name}-{name}-{namespace}.{service_account}",
                resource_group_name=self._names.resource_group,
                resource_name_=self._names.identity(f"pod-{name}"),
                federated_identity_credential_resource_name=credential_name(account),
                issuer=self._args.issuer,
                subject=f"system:serviceaccount:{namespace}:{service_account}",
                audiences=[AUDIENCE],
                # Azure refuses concurrent writes of the credentials of an identity.
                opts=ResourceOptions(parent=self, deleted_with=identity, depends_on=[identity, previous]),
            )
            previous = credential

    def _assign_roles(
        self, name: str, identity: UserAssignedIdentity, settings: AzurePodIdentitySettings
    ) -> None:
        for role in settings.roles:
            words = (f"pod-{name}", role.definition, role.scope)
            RoleAssignment(
                f"{self._name}-{name}-{self._names.guid(*words)[:8]}",
                # A new identity with an old name has another principal, so it needs new assignments.
                role_assignment_name=identity.principal_id.apply(partial(self._names.guid, *words)),
                principal_id=identity.principal_id,
                principal_type="ServicePrincipal",
                role_definition_id=self._names.role_definition_id(role.definition, role.subscription),
                scope=role.scope,
                opts=ResourceOptions(parent=self),
            )

    def _environment(self, identity: UserAssignedIdentity) -> Mapping[str, Input[str]]:
        """Return the environment variables of upstream's webhook, which the SDKs of Azure read."""
        return {
            "AZURE_CLIENT_ID": identity.client_id,
            "AZURE_TENANT_ID": identity.tenant_id,
            "AZURE_FEDERATED_TOKEN_FILE": f"{VOLUME.path}/{VOLUME.file}",
            "AZURE_AUTHORITY_HOST": f"{self._args.login}/",
        }


def _discovery_document(issuer: str, keys: str) -> str:
    """Return the discovery document. Raise RunError without a key that Entra ID can verify tokens with."""
    algorithms = signing_algorithms(keys)
    if "RS256" not in algorithms:
        raise RunError(
            "azure.pod_identities: no existing key of service account tokens is an RSA key, which Entra ID "
            "needs; rotate the key with certificates.service_account.rsa_from (docs/azure.md)"
        )
    return discovery_document(issuer, algorithms)


def credential_name(account: str) -> str:
    """Return the name of the federated credential of a service account, written as `NAMESPACE/NAME`."""
    digest = hashlib.sha256(account.encode()).hexdigest()[:8]
    return f"{_NOT_IN_CREDENTIAL_NAMES.sub('-', account)[:_LONGEST_ACCOUNT]}-{digest}"
