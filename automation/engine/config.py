"""Reads the configuration that the engine resolves: with decrypted values, and with values of Pulumi ESC."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from automation.engine.program import Engine
from automation.workspace import Workspace
from settings.bases import is_secure
from settings.hosts_file import HOSTS_FILE_KEY, join_hosts
from settings.problem import CLUSTER_KEY
from settings.secret_leaves import SettingPath, stays_secret


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


def resolve(engine: Engine) -> Workspace:
    """Return the workspace of a stack with the values of its environments (Pulumi ESC) in `config`.

    Encrypted values of the stack file stay encrypted. Raise `UserError` when the engine cannot open an
    environment.
    """
    workspace = engine.workspace
    entries = json.loads(engine.capture("config", "--json", "--show-secrets"))
    resolved = {key: _decrypted_value(entry) for key, entry in entries.items()}
    hosts_file = resolved.pop(HOSTS_FILE_KEY, None)
    if hosts_file:
        resolved[CLUSTER_KEY] = dict(join_hosts(resolved[CLUSTER_KEY], hosts_file))  # type: ignore[arg-type]
    secrets = [
        text
        for key, value in resolved.items()
        if entries[key].get("secret")
        for path, text in _added_texts(value, workspace.config.get(key), ())
        if key != CLUSTER_KEY or stays_secret(path)
    ]
    config = {key: _restore_encrypted(value, workspace.config.get(key)) for key, value in resolved.items()}
    return replace(workspace, config=config, environment_values=tuple(secrets))


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


def _added_texts(resolved: object, own: object, path: SettingPath) -> Iterator[tuple[SettingPath, str]]:
    """Yield the path and the text of every value that only the resolved configuration contains."""
    if isinstance(resolved, Mapping):
        for key, value in resolved.items():
            inner = own.get(key) if isinstance(own, Mapping) else None
            yield from _added_texts(value, inner, (*path, str(key)))
    elif isinstance(resolved, list):
        for number, value in enumerate(resolved):
            inner = own[number] if isinstance(own, list) and number < len(own) else None
            yield from _added_texts(value, inner, (*path, number))
    elif resolved is not None and own is None:
        yield path, resolved if isinstance(resolved, str) else json.dumps(resolved)


def _restore_encrypted(resolved: object, own: object) -> object:
    """Return the resolved value with the encrypted values of the stack file in place of their texts."""
    if is_secure(own):
        return own
    if isinstance(resolved, Mapping) and isinstance(own, Mapping):
        return {key: _restore_encrypted(value, own.get(key)) for key, value in resolved.items()}
    if isinstance(resolved, list) and isinstance(own, list) and len(resolved) == len(own):
        return [_restore_encrypted(value, item) for value, item in zip(resolved, own, strict=True)]
    return resolved


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
