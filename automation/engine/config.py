"""Reads configuration values from the engine: decrypted values, and values of Pulumi ESC environments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from automation.engine.program import Engine
from automation.workspace import Workspace
from settings.bases import contains_encrypted, is_secure
from settings.hosts_file import HOSTS_FILE_KEY, join_hosts
from settings.problem import CLUSTER_KEY, SettingPath
from settings.secret_paths import remains_secret


def decrypted_config(engine: Engine) -> dict[str, Any]:
    """Return the `config` of the stack file, merged with its bases, with every encrypted value decrypted.

    The engine runs only when the config has an encrypted value. Raise `UserError` when decryption fails.
    """
    config = engine.workspace.config
    if not contains_encrypted(config):
        return config
    decrypted_entries = json.loads(engine.capture("config", "--json", "--show-secrets"))
    return {
        key: _replace_encrypted(value, _decrypted_value(decrypted_entries.get(key)))
        for key, value in config.items()
    }


def add_environment_values(engine: Engine) -> Workspace:
    """Return the workspace of a stack with the values of its Pulumi ESC environments added to `config`.

    Encrypted values of the stack file remain encrypted. Raise `UserError` when the engine cannot open an
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
        for path, text in _values_of_environment(value, workspace.config.get(key), ())
        if key != CLUSTER_KEY or remains_secret(path)
    ]
    config = {key: _restore_encrypted(value, workspace.config.get(key)) for key, value in resolved.items()}
    return replace(workspace, config=config, environment_values=tuple(secrets))


def decrypted_values(config: object, plain: object) -> Iterator[str]:
    """Yield the plain text of every encrypted value (`{"secure": ...}`) in `config`.

    `plain` is the same config after decryption.
    """
    if is_secure(config):
        yield plain if isinstance(plain, str) else json.dumps(plain)
    elif isinstance(config, Mapping) and isinstance(plain, Mapping):
        for key, value in config.items():
            yield from decrypted_values(value, plain.get(key))
    elif isinstance(config, list) and isinstance(plain, list):
        for value, text in zip(config, plain, strict=False):
            yield from decrypted_values(value, text)


def _values_of_environment(
    resolved: object, stack_file_value: object, path: SettingPath
) -> Iterator[tuple[SettingPath, str]]:
    """Yield the path and the text of every value that is in the resolved config but not in the stack file."""
    if isinstance(resolved, Mapping):
        for key, value in resolved.items():
            inner = stack_file_value.get(key) if isinstance(stack_file_value, Mapping) else None
            yield from _values_of_environment(value, inner, (*path, str(key)))
    elif isinstance(resolved, list):
        items = stack_file_value if isinstance(stack_file_value, list) else []
        for number, value in enumerate(resolved):
            inner = items[number] if number < len(items) else None
            yield from _values_of_environment(value, inner, (*path, number))
    elif resolved is not None and stack_file_value is None:
        yield path, resolved if isinstance(resolved, str) else json.dumps(resolved)


def _restore_encrypted(resolved: object, stack_file_value: object) -> object:
    """Return the resolved value, with each decrypted value replaced by the encrypted value of the stack
    file.
    """
    if is_secure(stack_file_value):
        return stack_file_value
    if isinstance(resolved, Mapping) and isinstance(stack_file_value, Mapping):
        return {key: _restore_encrypted(value, stack_file_value.get(key)) for key, value in resolved.items()}
    items = stack_file_value if isinstance(stack_file_value, list) else []
    if isinstance(resolved, list) and len(resolved) == len(items):
        return [_restore_encrypted(value, item) for value, item in zip(resolved, items, strict=True)]
    return resolved


def _decrypted_value(entry: Mapping[str, Any] | None) -> object:
    """Return the value in an entry of the output of `pulumi config --json`; None for a missing entry."""
    # The engine prints an object twice: as text (`value`) and as JSON (`objectValue`).
    return (entry or {}).get("objectValue", (entry or {}).get("value"))


def _replace_encrypted(encrypted: object, plain: object) -> object:
    """Return `encrypted` with each encrypted value replaced by the value at the same path in `plain`."""
    if is_secure(encrypted):
        return plain
    if isinstance(encrypted, Mapping) and isinstance(plain, Mapping):
        return {key: _replace_encrypted(value, plain.get(key)) for key, value in encrypted.items()}
    if isinstance(encrypted, list) and isinstance(plain, list):
        return [_replace_encrypted(value, text) for value, text in zip(encrypted, plain, strict=False)]
    return encrypted
