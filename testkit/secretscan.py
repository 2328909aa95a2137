"""Search for secret values of a cluster in texts, such as output of commands.

The search looks for the plain value, for its hexadecimal form, and for its base64 form at each of the three
alignments, so that it also finds values inside an encoded file or archive. Results contain names of secrets,
never values.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from automation.signatures import is_secret

_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+?)\s*-----END")
_TOKEN = re.compile(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b")
_ENCRYPTION_KEY = re.compile(r"secret:\s*\"?([A-Za-z0-9+/]{43}=)")


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that must not be visible. `name` describes the source of the value."""

    name: str
    value: str

    def search_terms(self) -> Iterator[str]:
        """Yield the search terms of the secret: the value, its hexadecimal and its three base64 forms."""
        yield self.value
        raw = self.value.encode()
        yield from (raw.hex(), raw.hex().upper())
        for offset in range(3):
            encoded = base64.b64encode(b"\0" * offset + raw).decode()
            # The first and last base64 characters depend on the neighbors of the value.
            first = -(-offset * 4 // 3)
            yield encoded[first : (offset + len(raw)) * 8 // 6]


def secrets_in(name: str, text: str) -> Iterator[Secret]:
    """Yield the private keys, bootstrap tokens and encryption keys in a text.

    The search term of a private key is only the first complete line of its body. This line contains the
    secret number; later lines may contain only the public part.
    """
    for match in _PRIVATE_KEY.finditer(text):
        yield Secret(f"private key in {name}", match.group(1).split()[0])
    for match in _TOKEN.finditer(text):
        yield Secret(f"token in {name}", match.group(0).split(".")[1])
    for match in _ENCRYPTION_KEY.finditer(text):
        yield Secret(f"encryption key in {name}", match.group(1))


def secrets_of_state(state_json: str) -> list[Secret]:
    """Return the secrets in the output of `pulumi stack export --show-secrets`, which marks secret values."""
    secrets: list[Secret] = []

    def collect_secrets(name: str, node: Any) -> None:  # noqa: ANN401  JSON of any shape
        if isinstance(node, list):
            for item in node:
                collect_secrets(name, item)
        elif isinstance(node, dict):
            if is_secret(node):
                secrets.extend(_secrets_in_plaintext(name, node.get("plaintext", "")))
            for value in node.values():
                collect_secrets(str(node.get("urn", name)).rsplit("::", 1)[-1], value)

    collect_secrets("state", json.loads(state_json))
    return secrets


def _secrets_in_plaintext(name: str, plaintext: str) -> Iterator[Secret]:
    for text in _texts(json.loads(plaintext) if plaintext else ""):
        yield from secrets_in(name, text)
        yield from secrets_in(name, _decode_base64(text))


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401  JSON of any shape
    """Yield the texts in a value. Join a bootstrap token that is stored in two parts."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        if {"token-id", "token-secret"} <= value.keys():
            yield f"{value['token-id']}.{value['token-secret']}"
        for item in value.values():
            yield from _texts(item)


def _decode_base64(text: str) -> str:
    """Return the content of a base64 text or of a base64 archive; empty for other texts."""
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
        if raw.startswith(b"\x1f\x8b"):
            raw = gzip.decompress(raw)
    except (ValueError, OSError):
        return ""
    return raw.decode(errors="replace")


def visible_secrets(secrets: Iterable[Secret], text: str) -> list[str]:
    """Return the names of the secrets that a text contains."""
    return sorted({secret.name for secret in secrets if any(term in text for term in secret.search_terms())})
