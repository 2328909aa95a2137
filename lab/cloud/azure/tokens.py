"""Access tokens of managed identities. Each token is for one identity and one audience."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from lab.cloud.running import RunningMachine

LIFETIME_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class AccessToken:
    """Owner, identity (its client id), audience and expiry time (seconds since the epoch) of an access token.

    The token of a machine is valid only on this machine. If `machine` is None, the owner is a pod, or the
    deployer.
    """

    machine: RunningMachine | None
    audience: str
    expires: float
    identity: str = ""

    @property
    def is_deployer(self) -> bool:
        """Check whether the owner is the deployer, who has all permissions and no identity."""
        return self.machine is None and not self.identity


class AccessTokens:
    """The issued access tokens. `admin` is the token of the deployer."""

    def __init__(self, admin: str) -> None:
        self._tokens = {admin: AccessToken(None, "", time.time() + 3650 * 86400)}

    def issue(
        self,
        machine: RunningMachine | None,
        audience: str,
        identity: str,
        seconds: float = LIFETIME_SECONDS,
    ) -> str:
        """Return a new access token of a managed identity for an audience.

        The owner is a machine with this identity, or a pod.
        """
        text = f"eyJ{secrets.token_urlsafe(600)}.{secrets.token_urlsafe(200)}"
        self._tokens[text] = AccessToken(machine, audience.rstrip("/"), time.time() + seconds, identity)
        return text

    def find(self, header: str) -> AccessToken | None:
        """Return the data of the valid token in an Authorization header, or None."""
        kind, _, text = header.partition(" ")
        token = self._tokens.get(text)
        return token if kind == "Bearer" and token is not None and token.expires > time.time() else None
