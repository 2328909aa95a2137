"""Nothing secret in what is shown or kept of a run.

The engine knows what came to it as a secret. It cannot know that an error of a plugin repeats a password,
or that somebody named a resource after one. Here every known secret value is looked for in every text, and
what has the form of a key or a token is veiled even when nobody told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "[secret]"
SHORTEST = 6
"""Characters. Shorter secrets are not looked for: they would veil half of every text."""

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
# Of a bootstrap token the second half is the secret (kubernetes.io: authenticate with bootstrap tokens).
_TOKEN = re.compile(r"\b([a-z0-9]{6})\.[a-z0-9]{16}\b")


class Veil:
    """Replaces secrets by `[secret]`. `secrets` are the known values, of any number of lines."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found: set[str] = set()
        for secret in secrets:
            found |= _forms(secret)
        # The longest first: a secret may contain another.
        words = sorted((word for word in found if len(word) >= SHORTEST), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, words))) if words else None

    def text(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        if "PRIVATE KEY-----" in text:
            text = _PRIVATE_KEY.sub(MASK, text)
        return _TOKEN.sub(rf"\1.{MASK}", text) if "." in text else text

    def values(self, value: Any) -> Any:  # noqa: ANN401 - any JSON
        """The same for every text in a JSON value, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.values(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.values(item) for item in value]
        return value


def _forms(secret: str) -> set[str]:
    """What a secret looks like in texts: itself, its lines, and both as they are escaped in JSON or Go."""
    lines = [line.strip() for line in secret.splitlines() if len(line.strip()) >= 16]
    whole = [secret, secret.strip(), *lines]
    return {form for text in whole for form in (text, json.dumps(text)[1:-1])} - {""}
