"""The exchange of a pod's token for an access token, as Entra ID does it for federated credentials.

A federated credential of the requested identity must have the token's issuer, subject and audience, and the
token is verified with the documents that its issuer publishes.

https://learn.microsoft.com/entra/workload-id/workload-identity-federation
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from lab.cloud.azure.credentials import credentials_of
from lab.cloud.azure.generated import IDENTITY
from lab.cloud.azure.resources import Resource, Resources
from lab.cloud.web_tokens import Read, TokenRefused, unverified_parts, verified_claims

_ALGORITHM = "RS256"
"""The algorithm that Entra ID accepts: it refuses signatures of elliptic curves
(github.com/AzureAD/microsoft-identity-web/issues/3467).
"""

Document = Mapping[str, Any]


class Denied(Exception):
    """Entra ID refuses a request for a token. The message begins with the code of the error."""

    def __init__(self, status: HTTPStatus, error: str, message: str) -> None:
        super().__init__(message)
        self.status, self.error = status, error


def check_assertion(resources: Resources, client_id: str, assertion: str, read: Read) -> None:
    """Check that a pod's token can be exchanged for a token of the identity with a client id.

    Raise Denied for a token that Entra ID refuses too.
    """
    identity = _find_identity(resources, client_id)
    try:
        header, claims = unverified_parts(assertion)
        _require_credential(resources, identity, claims)
        if header.get("alg") != _ALGORITHM:
            algorithm = header.get("alg")
            raise _invalid(
                f"AADSTS5002738: Invalid JWT token. '{algorithm}' is not a supported signature algorithm."
            )
        verified_claims(assertion, read)
    except TokenRefused as error:
        raise _invalid(f"{'AADSTS700024' if error.expired else 'AADSTS700027'}: {error}.") from None


def _find_identity(resources: Resources, client_id: str) -> Resource:
    for identity in resources.of_type(IDENTITY):
        if identity.properties["clientId"] == client_id:
            return identity
    raise Denied(
        HTTPStatus.BAD_REQUEST,
        "unauthorized_client",
        f"AADSTS700016: Application with identifier '{client_id}' was not found in the directory.",
    )


def _require_credential(resources: Resources, identity: Resource, claims: Document) -> None:
    """Raise Denied unless a federated credential of the identity has the issuer, subject and audience."""
    audience = claims.get("aud", [])
    audiences = [audience] if isinstance(audience, str) else audience
    credentials = [credential.properties for credential in credentials_of(resources.all(), identity.id)]
    matches: tuple[tuple[str, str, Callable[[Document], bool]], ...] = (
        ("AADSTS700211", "iss", lambda found: found["issuer"] == claims.get("iss")),
        ("AADSTS700213", "sub", lambda found: found["subject"] == claims.get("sub")),
        ("AADSTS700212", "aud", lambda found: found["audiences"][0] in audiences),
    )
    for code, claim, is_match in matches:
        credentials = [found for found in credentials if is_match(found)]
        if not credentials:
            raise _invalid(
                f"{code}: No matching federated identity record found for presented assertion, whose claim "
                f"{claim} is '{claims.get(claim)}'."
            )


def _invalid(message: str) -> Denied:
    return Denied(HTTPStatus.UNAUTHORIZED, "invalid_client", message)
