"""The deployer's credentials, from the variables that pulumi-azure-native takes them from."""

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

_AUDIENCE = "api://AzureADTokenExchange"
"""For whom a CI system's token is (learn.microsoft.com/entra/workload-id/workload-identity-federation)."""


class CredentialError(Exception):
    """There are no credentials: one line for the administrator."""


def credential(environment: Mapping[str, str]) -> TokenCredential:
    """What pulumi-azure-native takes from the same variables; without them `az login`'s."""
    tenant, client = environment.get("ARM_TENANT_ID", ""), environment.get("ARM_CLIENT_ID", "")
    if tenant and client and (secret := environment.get("ARM_CLIENT_SECRET")):
        return ClientSecretCredential(tenant, client, secret)
    if tenant and client and environment.get("ARM_USE_OIDC", "").lower() == "true":
        return ClientAssertionCredential(tenant, client, lambda: assertion(environment))
    if environment.get("ARM_USE_MSI", "").lower() == "true":
        return ManagedIdentityCredential(client_id=client or None)
    return AzureCliCredential()


def assertion(environment: Mapping[str, str]) -> str:
    """The token of the CI system that Azure trusts: given, in a file, or asked of it, as GitHub wants.

    Raises CredentialError without one.
    """
    if token := environment.get("ARM_OIDC_TOKEN", ""):
        return token
    if path := environment.get("ARM_OIDC_TOKEN_FILE_PATH"):
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    for prefix in ("ARM_OIDC", "ACTIONS_ID_TOKEN"):
        url, own = (environment.get(f"{prefix}_REQUEST_{what}", "") for what in ("URL", "TOKEN"))
        if url and own:
            return _asked(url, own)
    raise CredentialError(
        "ARM_USE_OIDC needs ARM_OIDC_TOKEN, ARM_OIDC_TOKEN_FILE_PATH, or a CI system that gives tokens "
        "(in GitHub the job's permission id-token: write)"
    )


def _asked(url: str, own: str) -> str:
    """A new token each time: they last minutes, an `up` longer. Raises AzureError where it is refused."""
    client: PipelineClient[HttpRequest, HttpResponse] = PipelineClient(url, policies=[RetryPolicy()])
    request = HttpRequest(
        "GET", url, params={"audience": _AUDIENCE}, headers={"Authorization": f"bearer {own}"}
    )
    response = client.send_request(request)
    response.raise_for_status()
    return str(response.json()["value"])
