"""The values of a stack file that the engine has encrypted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from automation.engine.program import Engine
from settings.bases import is_secure


def decrypted_config(engine: Engine) -> dict[str, Any]:
    """The stack file's `config`, bases merged, with the plain value in the place of each encrypted one.

    The engine is asked only where there is one. Raises `UserError` when it cannot decrypt them.
    """
    config = engine.workspace.config
    if not any(is_secure(value) for value in walk(config)):
        return config
    shown = json.loads(engine.capture("config", "--json", "--show-secrets"))
    return {key: _revealed(value, _plain(shown.get(key))) for key, value in config.items()}


def encrypted_values(config: object, plain: object) -> Iterator[str]:
    """The plain texts of what is encrypted in `config`, of which `plain` is the decrypted one."""
    if is_secure(config):
        yield plain if isinstance(plain, str) else json.dumps(plain)
    elif isinstance(config, Mapping) and isinstance(plain, Mapping):
        for key, value in config.items():
            yield from encrypted_values(value, plain.get(key))
    elif isinstance(config, list) and isinstance(plain, list):
        for value, text in zip(config, plain, strict=False):
            yield from encrypted_values(value, text)


def walk(value: object) -> Iterator[object]:
    """The value and all values in it."""
    yield value
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for item in items:
        yield from walk(item)


def _plain(entry: Mapping[str, Any] | None) -> object:
    # An object is shown as a text, and as an object beside it.
    return (entry or {}).get("objectValue", (entry or {}).get("value"))


def _revealed(written: object, plain: object) -> object:
    if is_secure(written):
        return plain
    if isinstance(written, Mapping) and isinstance(plain, Mapping):
        return {key: _revealed(value, plain.get(key)) for key, value in written.items()}
    if isinstance(written, list) and isinstance(plain, list):
        return [_revealed(value, text) for value, text in zip(written, plain, strict=False)]
    return written
