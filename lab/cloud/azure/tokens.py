"""Access tokens of managed identities: for one machine, one identity and one audience."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from lab.cloud.running import RunningMachine

SECONDS = 86400


@dataclass(frozen=True, slots=True)
class Token:
    """Owner and purpose of a token. `machine` None: the deployer, who may do everything."""

    machine: RunningMachine | None
    audience: str
    ends: float


class Tokens:
    """The issued tokens."""

    def __init__(self, admin: str) -> None:
        self._known = {admin: Token(None, "", time.time() + 3650 * 86400)}

    def give(self, machine: RunningMachine, audience: str) -> str:
        """Return a token for a machine's identity."""
        text = f"eyJ{secrets.token_urlsafe(600)}.{secrets.token_urlsafe(200)}"
        self._known[text] = Token(machine, audience.rstrip("/"), time.time() + SECONDS)
        return text

    def find(self, header: str) -> Token | None:
        """Return the token in an Authorization header."""
        kind, _, text = header.partition(" ")
        token = self._known.get(text)
        return token if kind == "Bearer" and token is not None and token.ends > time.time() else None
