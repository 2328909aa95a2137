"""Recognition of names of settings, variables and inputs whose values are secret, in every naming style."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_SECRET_WORDS = frozenset(
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
"""Words that make a name secret when they are its last word: `adminPassword`, `DB_PASSWORD`, `password2`."""
_SECRET_KEY_KINDS = frozenset(
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
"""Words before a last word `key` that make the name secret. `publicKey` and `kmsKey` are not secret."""
_JOINED_WORDS = re.compile(
    r"(?:password|passwd|passphrase|pwd|token|(?:client|api|app|shared|user|admin)secret|credentials?"
    rf"|(?:{'|'.join(sorted(_SECRET_KEY_KINDS))})key|connectionstring)$"
)
"""Secret names that are written as one word, such as `adminpassword` and `apikey`."""
_NOT_SECRET = frozenset(
    {
        "clienttoken",
        "clientrequesttoken",
        "creationtoken",
        "existingsecret",
        "nexttoken",
    }
)
"""Names that end in a secret word and are not secret: idempotency and page tokens of cloud API requests,
and the Helm value with the name of a Secret.
"""

_NAME_VALUE_KEYS = (("name", "value"), ("key", "value"), ("Name", "Value"), ("Key", "Value"))


def effective_name(item: Mapping[Any, object], key: object) -> str:
    """Return the name that describes the value of a key.

    In a pair such as `{name: X, value: Y}` the name of the value Y is X. In all other cases the key is the
    name.
    """
    for name_key, value_key in _NAME_VALUE_KEYS:
        name = item.get(name_key)
        if key == value_key and isinstance(name, str):
            return name
    return str(key)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Check whether a key, variable or setting with this name has a secret value.

    The last words of the name decide: `passwordPolicy`, `secretName` and `tokenFile` are not secret names.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    joined = "".join(words)
    if not words or joined in _NOT_SECRET:
        return False
    if words[-1] in _SECRET_WORDS or _JOINED_WORDS.search(joined):
        return True
    return words[-2:] == ["private", "keys"]
