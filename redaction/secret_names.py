"""Which names say that what stands behind them is secret, whatever the style they are written in. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_ALONE = frozenset(
    {
        "credential",
        "credentials",
        "passphrase",
        "passwd",
        "password",
        "passwords",
        "psk",
        "pwd",
        "secret",
        "token",
    }
)
"""Last words: `adminPassword`, `DB_PASSWORD`, `db.password`, `password2`."""
_KEYS = frozenset(
    {
        "access",
        "account",
        "admin",
        "api",
        "auth",
        "client",
        "encryption",
        "hmac",
        "license",
        "master",
        "private",
        "root",
        "secret",
        "shared",
        "signing",
        "storage",
    }
)
"""Words before a last word `key` that make it a secret one: a `publicKey` or `kmsKey` is none."""
_RUN_TOGETHER = re.compile(
    r"(?:password|passwd|passphrase|pwd|token|(?:client|api|app|shared|user|admin)secret|credentials?"
    rf"|(?:{'|'.join(sorted(_KEYS))})key|connectionstring)$"
)
"""The same in one word: `adminpassword`, `apikey`."""
_NOT = frozenset(
    {
        "clienttoken",
        "clientrequesttoken",
        "creationtoken",
        "existingsecret",
        "nexttoken",
    }
)
"""Not secret: what makes two requests to AWS the same one, and names of Secrets in Helm's values."""

_PAIRS = (("name", "value"), ("key", "value"), ("Name", "Value"), ("Key", "Value"))


def called_in(item: Mapping[Any, object], key: object) -> str:
    """What the value behind a key is called: in an item that is a name and its value, that name."""
    for name, value in _PAIRS:
        called = item.get(name)
        if key == value and isinstance(called, str):
            return called
    return str(key)


@lru_cache(maxsize=4096)
def names_a_secret(name: str) -> bool:
    """Whether a key, variable or setting of that name has a secret for its value.

    Words decide, the last ones: `passwordPolicy`, `secretName` and `tokenFile` name no secret.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    together = "".join(words)
    if not words or together in _NOT:
        return False
    if words[-1] in _ALONE or _RUN_TOGETHER.search(together):
        return True
    return words[-2:] == ["connection", "string"] or (words[-1] == "keys" and words[-2:-1] == ["private"])
