"""Access tokens of managed identities. Each token is for one machine, one identity and one audience."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from lab.cloud.running import RunningMachine

LIFETIME_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Owner, identity (its client id), audience and expiry time (seconds since the epoch) of an access token.

    If `machine` is None, the owner is the deployer, who has all permissions.
    """

    machine: RunningMachine | None
    audience: str
    expires: float
    identity: str = ""


class AccessTokens:
    """The issued access tokens. `admin` is the token of the deployer."""

    def __init__(self, admin: str) -> None:
        self._tokens = {admin: AccessToken(None, "", time.time() + 3650 * 86400)}

    def issue(self, machine: RunningMachine, audience: str, identity: str) -> str:
        """Return a new access token of one of a machine's managed identities for an audience."""
        text = f"eyJ{secrets.token_urlsafe(600)}.{secrets.token_urlsafe(200)}"
        self._tokens[text] = AccessToken(
            machine, audience.rstrip("/"), time.time() + LIFETIME_SECONDS, identity
        )
        return text

    def find(self, header: str) -> AccessToken | None:
        """Return the data of the valid token in an Authorization header, or None."""
        kind, _, text = header.partition(" ")
        token = self._tokens.get(text)
        return token if kind == "Bearer" and token is not None and token.expires > time.time() else None
