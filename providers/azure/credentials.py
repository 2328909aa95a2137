"""Credentials of the deployer, from the environment variables of pulumi-azure-native."""

from __future__ import annotations

from collections.abc import Mapping

from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.pipeline.policies import RetryPolicy
from azure.core.rest import HttpRequest, HttpResponse
from azure.identity import (
    AzureCliCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
)

from providers.azure.environments import ENVIRONMENTS

_PUBLIC_LOGIN = ENVIRONMENTS["public"].login
_AUDIENCE = "api://AzureADTokenExchange"
"""The audience of CI tokens (learn.microsoft.com/entra/workload-id/workload-identity-federation)."""


class CredentialError(Exception):
    """No credentials were found; the message is one line for the operator."""


def deployer_credential(environment: Mapping[str, str], login: str = _PUBLIC_LOGIN) -> TokenCredential:
    """Return the credential that pulumi-azure-native selects for these environment variables.

    Without the variables of another method, return the credential of `az login`. `login` is the host of
    Entra ID.
    """
    tenant, client = environment.get("ARM_TENANT_ID", ""), environment.get("ARM_CLIENT_ID", "")
    if tenant and client and (secret := environment.get("ARM_CLIENT_SECRET")):
        return ClientSecretCredential(tenant, client, secret, authority=login)
    if tenant and client and environment.get("ARM_USE_OIDC", "").lower() == "true":
        return ClientAssertionCredential(
            tenant, client, lambda: federated_token(environment), authority=login
        )
    if environment.get("ARM_USE_MSI", "").lower() == "true":
        return ManagedIdentityCredential(client_id=client or None)
    return AzureCliCredential()


def federated_token(environment: Mapping[str, str]) -> str:
    """Return the identity token of the CI system: from a variable, from a file, or by a request as on GitHub.

    Raise CredentialError without a token.
    """
    if token := environment.get("ARM_OIDC_TOKEN", ""):
        return token
    if path := environment.get("ARM_OIDC_TOKEN_FILE_PATH"):
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    for prefix in ("ARM_OIDC", "ACTIONS_ID_TOKEN"):
        url, token = (environment.get(f"{prefix}_REQUEST_{key}", "") for key in ("URL", "TOKEN"))
        if url and token:
            return _request_token(url, token)
    raise CredentialError(
        "ARM_USE_OIDC needs ARM_OIDC_TOKEN, ARM_OIDC_TOKEN_FILE_PATH, or a CI system that gives tokens "
        "(in GitHub the job's permission id-token: write)"
    )


def _request_token(url: str, token: str) -> str:
    """Request a new identity token, because tokens expire during a long `up`. Raise AzureError if denied."""
    client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(url, policies=[RetryPolicy()])
    request = HttpRequest(
        "GET", url, params={"audience": _AUDIENCE}, headers={"Authorization": f"bearer {token}"}
    )
    response = client.send_request(request)
    response.raise_for_status()
    return str(response.json()["value"])
