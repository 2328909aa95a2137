"""Decrypts the encrypted values of a stack file. Only the engine can decrypt them, so this module runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from automation.engine.program import Engine
from settings.bases import is_secure


def decrypted_config(engine: Engine) -> dict[str, Any]:
    """Return the `config` of the stack file, merged with its bases, with every encrypted value decrypted.

    Run the engine only when the config has an encrypted value. Raise `UserError` when decryption fails.
    """
    config = engine.workspace.config
    if not any(is_secure(value) for value in nested_values(config)):
        return config
    decrypted_entries = json.loads(engine.capture("config", "--json", "--show-secrets"))
    return {
        key: _replace_encrypted(value, _decrypted_value(decrypted_entries.get(key)))
        for key, value in config.items()
    }


def decrypted_values(config: object, plain: object) -> Iterator[str]:
    """Yield the plain text of every encrypted value in `config`.

    `config` has encrypted values (`{"secure": ...}`). `plain` is the same config after decryption.
    """
    if is_secure(config):
        yield plain if isinstance(plain, str) else json.dumps(plain)
    elif isinstance(config, Mapping) and isinstance(plain, Mapping):
        for key, value in config.items():
            yield from decrypted_values(value, plain.get(key))
    elif isinstance(config, list) and isinstance(plain, list):
        for value, text in zip(config, plain, strict=False):
            yield from decrypted_values(value, text)


def nested_values(value: object) -> Iterator[object]:
    """Yield a config value, and every value inside its mappings and lists at any depth."""
    yield value
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for item in items:
        yield from nested_values(item)


def _decrypted_value(entry: Mapping[str, Any] | None) -> object:
    """Return the value in an entry of the output of `pulumi config --json`; None for a missing entry."""
    # The engine prints an object twice: as text (`value`) and as JSON (`objectValue`).
    return (entry or {}).get("objectValue", (entry or {}).get("value"))


def _replace_encrypted(encrypted: object, plain: object) -> object:
    """Return `encrypted` with each encrypted value replaced by the value at the same place in `plain`."""
    if is_secure(encrypted):
        return plain
    if isinstance(encrypted, Mapping) and isinstance(plain, Mapping):
        return {key: _replace_encrypted(value, plain.get(key)) for key, value in encrypted.items()}
    if isinstance(encrypted, list) and isinstance(plain, list):
        return [_replace_encrypted(value, text) for value, text in zip(encrypted, plain, strict=False)]
    return encrypted
