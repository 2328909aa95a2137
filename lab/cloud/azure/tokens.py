"""Access tokens of managed identities. Each token is for one machine, one identity and one audience."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from lab.cloud.running import RunningMachine

SECONDS = 86400


@dataclass(frozen=True, slots=True)
class Token:
    """The owner, the audience and the expiry time of a token.

    If `machine` is None, the owner is the deployer, who has all permissions.
    """

    machine: RunningMachine | None
    audience: str
    ends: float


class Tokens:
    """The issued tokens."""

    def __init__(self, admin: str) -> None:
        self._known = {admin: Token(None, "", time.time() + 3650 * 86400)}

    def issue(self, machine: RunningMachine, audience: str) -> str:
        """Create a token for an identity of a machine."""
        text = f"eyJ{secrets.token_urlsafe(600)}.{secrets.token_urlsafe(200)}"
        self._known[text] = Token(machine, audience.rstrip("/"), time.time() + SECONDS)
        return text

    def find(self, header: str) -> Token | None:
        """Return the valid token in an Authorization header, or None."""
        kind, _, text = header.partition(" ")
        token = self._known.get(text)
        return token if kind == "Bearer" and token is not None and token.ends > time.time() else None
