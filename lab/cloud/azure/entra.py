"""The emulated Entra ID: the endpoint at which pods get access tokens for their own tokens.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow (third case)
"""

from __future__ import annotations

import re
import ssl
from http import HTTPStatus
from urllib.parse import parse_qs
from urllib.request import urlopen

from lab.cloud.azure.federation import Denied, check_assertion
from lab.cloud.azure.generated import TENANT
from lab.cloud.azure.resources import Resources
from lab.cloud.azure.responses import Handler
from lab.cloud.azure.tokens import AccessTokens
from lab.cloud.web_tokens import TokenRefused
from lab.paths import LabPaths

LIFETIME_SECONDS = 3600
_TOKEN_PATH = f"/{TENANT}/oauth2/v2.0/token"
_DISCOVERY_PATH = f"/{TENANT}/v2.0/.well-known/openid-configuration"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SCOPE = re.compile(r"(https://[^/ ]+)/+\.default")
_TIMEOUT_SECONDS = 10


class EntraHandler(Handler):
    """HTTP handler of the tenant of the subscription, for each client that can reach the gateway."""

    lab: str
    tokens: AccessTokens

    def handle_entra(self) -> bool:
        """Respond to a request to Entra ID. Return whether the request is one."""
        if self.command == "GET" and self.request_path == _DISCOVERY_PATH:
            self._send_configuration()
        elif self.command == "POST" and self.request_path == _TOKEN_PATH:
            self._exchange_token()
        else:
            return False
        return True

    def _send_configuration(self) -> None:
        """Send the addresses of the tenant, which libraries read before they request a token."""
        base = f"https://{self.headers['Host']}/{TENANT}"
        self.send_json(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
            }
        )

    def _exchange_token(self) -> None:
        form = {key: values[0] for key, values in parse_qs(self.read_body().decode()).items()}
        try:
            audience = _requested_audience(form)
            identity = form.get("client_id", "")
            check_assertion(
                Resources.of(self.lab), identity, form.get("client_assertion", ""), self._read_public
            )
        except Denied as error:
            self.log_refusal(error.error, str(error))
            self.send_json({"error": error.error, "error_description": str(error)}, error.status)
            return
        self.send_json(
            {
                "token_type": "Bearer",
                "expires_in": LIFETIME_SECONDS,
                "ext_expires_in": LIFETIME_SECONDS,
                "access_token": self.tokens.issue(None, audience, identity, LIFETIME_SECONDS),
            }
        )

    def _read_public(self, url: str) -> bytes:
        """Return a public document, which Entra ID reads without a token."""
        context = ssl.create_default_context(cafile=str(LabPaths.of(self.lab).ca))
        try:
            with urlopen(url, timeout=_TIMEOUT_SECONDS, context=context) as response:
                return bytes(response.read())
        except (OSError, ValueError) as error:
            raise TokenRefused(f"request to {url} failed: {error}") from None


def _requested_audience(form: dict[str, str]) -> str:
    """Return the audience of the requested token. Raise Denied for a request that is no exchange."""
    scope = _SCOPE.fullmatch(form.get("scope", ""))
    exchanges = (
        form.get("grant_type") == "client_credentials"
        and form.get("client_assertion_type") == _ASSERTION_TYPE
    )
    if not exchanges or scope is None:
        raise Denied(
            HTTPStatus.BAD_REQUEST,
            "invalid_request",
            "AADSTS900144: the request has no client assertion, or no scope that ends in /.default.",
        )
    return scope[1]
