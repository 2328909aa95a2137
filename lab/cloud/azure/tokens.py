"""Access tokens of managed identities: for one machine, one identity and one audience."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from lab.cloud.running import Running

SECONDS = 86400


@dataclass(frozen=True, slots=True)
class Token:
    """Whose token it is, and for what. `machine` None: the deployer, who may do everything."""

    machine: Running | None
    audience: str
    ends: float


class Tokens:
    """The tokens given out."""

    def __init__(self, admin: str) -> None:
        self._known = {admin: Token(None, "", time.time() + 3650 * 86400)}

    def give(self, machine: Running, audience: str) -> str:
        """A token for a machine's identity."""
        text = f"eyJ{secrets.token_urlsafe(600)}.{secrets.token_urlsafe(200)}"
        self._known[text] = Token(machine, audience.rstrip("/"), time.time() + SECONDS)
        return text

    def find(self, header: str) -> Token | None:
        """The token in an Authorization header."""
        kind, _, text = header.partition(" ")
        token = self._known.get(text)
        return token if kind == "Bearer" and token is not None and token.ends > time.time() else None
