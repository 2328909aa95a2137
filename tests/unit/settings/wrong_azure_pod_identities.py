"""Invalid settings of identities of pods on Azure."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import REMOVE, InvalidSettings, with_edits
from tests.unit.settings.wrong_clouds import AZURE

_SCOPE = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/data"
_ROLE: dict[str, str] = {"role": "Storage Blob Data Reader", "scope": _SCOPE}
_READER: dict[str, Any] = {"service_accounts": ["web/reader"], "roles": [_ROLE]}
_ISSUER = "https://exampleissuer.blob.core.windows.net/oidc"
_PODS = with_edits(
    AZURE,
    {
        "azure.pod_identities": {"issuer_account": "exampleissuer", "identities": {"reader": _READER}},
        "certificates.service_account": {"rsa_from": 1},
    },
)
_IDENTITY = "azure.pod_identities.identities.reader"
_ACCOUNT = "azure.pod_identities.issuer_account"


def _with_role(**edits: str) -> dict[str, object]:
    return {f"{_IDENTITY}.roles": [{**_ROLE, **edits}]}


AZURE_POD_IDENTITIES = (
    InvalidSettings(
        f"{_IDENTITY}.service_accounts[0]",
        '"reader": not a service account; allowed: NAMESPACE/NAME',
        {f"{_IDENTITY}.service_accounts": ["reader"]},
        _PODS,
    ),
    InvalidSettings(
        f"{_IDENTITY}.service_accounts",
        "must have at least 1 entry",
        {f"{_IDENTITY}.service_accounts": []},
        _PODS,
    ),
    InvalidSettings(
        f"{_IDENTITY}.service_accounts[1]",
        '"web/reader": named twice; remove one',
        {f"{_IDENTITY}.service_accounts": ["web/reader", "web/reader"]},
        _PODS,
    ),
    InvalidSettings(
        f"{_IDENTITY}.service_accounts",
        "21 service accounts, while an identity has at most 20; use a second identity",
        {f"{_IDENTITY}.service_accounts": [f"web/account-{number}" for number in range(21)]},
        _PODS,
    ),
    InvalidSettings(
        "azure.pod_identities.identities.writer.service_accounts[0]",
        '"web/reader": has the identity reader, and a pod has only one',
        {"azure.pod_identities.identities.writer": _READER},
        _PODS,
    ),
    InvalidSettings(
        "azure.pod_identities.identities",
        "missing; add an identity, or remove azure.pod_identities",
        {"azure.pod_identities.identities": {}},
        _PODS,
    ),
    InvalidSettings(
        f"{_IDENTITY}.roles[0].role",
        '"Storage Reader": unknown; allowed: AcrPull, ',
        _with_role(role="Storage Reader"),
        _PODS,
    ),
    InvalidSettings(
        f"{_IDENTITY}.roles[0].scope",
        '"reports": not the id of a resource; allowed: /subscriptions/GUID',
        _with_role(scope="reports"),
        _PODS,
    ),
    InvalidSettings(
        f"{_IDENTITY}.roles[0].scope",
        "not the id of a resource; allowed",
        _with_role(scope=f"{_SCOPE}/"),
        _PODS,
    ),
    InvalidSettings(
        f"{_IDENTITY}.roles[1]",
        "the identity has this role on this scope; remove one of the entries",
        {f"{_IDENTITY}.roles": [_ROLE, {**_ROLE, "role": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"}]},
        _PODS,
    ),
    InvalidSettings(_ACCOUNT, '"my-issuer": not a name of a storage account', {_ACCOUNT: "my-issuer"}, _PODS),
    InvalidSettings(_ACCOUNT, '"ab": not a name of a storage account', {_ACCOUNT: "ab"}, _PODS),
    InvalidSettings(
        "azure.pod_identities",
        "needs Kubernetes 1.36 or later, while kubernetes.version is 1.35.6",
        {"kubernetes.version": "1.35.6"},
        _PODS,
    ),
    InvalidSettings(
        "api.service_account_issuer",
        f"does not have the issuer of azure.pod_identities; set url to {_ISSUER}",
        {"api.service_account_issuer": {"url": "https://tokens.example.com"}},
        _PODS,
    ),
    InvalidSettings(
        "api.service_account_issuer.jwks_uri",
        "not the URL of the keys that azure.pod_identities publishes; remove it",
        {"api.service_account_issuer": {"url": _ISSUER, "jwks_uri": "https://tokens.example.com/jwks"}},
        _PODS,
    ),
    # Entra ID verifies only RSA signatures.
    InvalidSettings(
        "azure.pod_identities",
        "key 1 of service account tokens is an ECDSA key; in a new cluster set certificates.service_account",
        {"certificates.service_account": REMOVE},
        _PODS,
    ),
    InvalidSettings(
        "azure.pod_identities",
        "key 2 of service account tokens is an ECDSA key",
        {"certificates.service_account": {"generation": 3, "stage": "trust", "rsa_from": 3}},
        _PODS,
    ),
    InvalidSettings(
        "certificates.service_account.rsa_from",
        "2: there is no such generation yet; to rotate set generation: 2 and stage: trust",
        {"certificates.service_account": {"rsa_from": 2}},
    ),
)
