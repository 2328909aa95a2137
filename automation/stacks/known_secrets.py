"""Collects the secrets of a stack that are known before the engine runs, for the redactor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assembly import registry_credentials
from automation.engine.config import decrypted_values
from automation.engine.program import Engine
from automation.lab_stack import CLUSTER_KEY
from redaction.redactor import Redactor
from redaction.secret_names import is_secret_name
from settings import Settings, SettingsError, load
from settings.registry_logins import release_logins

_SECRET_VARIABLE = re.compile(r"(STORAGE_KEY|SAS|PULUMI_CONFIG_PASSPHRASE)$")
"""Secret variables of the deployer whose names `is_secret_name` does not recognize."""
_DIRECTORY_VARIABLES = ("PWD", "OLDPWD")
"""In a shell, PWD is the working directory. In other names, PWD abbreviates `password`."""


def redactor_of_stack(engine: Engine, config: Mapping[str, Any]) -> Redactor:
    """Return a redactor for all known secrets of a stack. `config` is the decrypted `config` of the stack
    file.
    """
    secrets = [
        *_deployer_secrets(engine.variables()),
        *decrypted_values(engine.workspace.config, config),
        *engine.workspace.environment_values,
        *_plain_secrets(config),
    ]
    return Redactor(secrets)


def _deployer_secrets(variables: Mapping[str, str]) -> Iterator[str]:
    yield from (value for name, value in variables.items() if _is_secret_variable(name))
    yield from _file_content(variables.get("PULUMI_CONFIG_PASSPHRASE_FILE", ""))


def _is_secret_variable(name: str) -> bool:
    return name not in _DIRECTORY_VARIABLES and bool(is_secret_name(name) or _SECRET_VARIABLE.search(name))


def _plain_secrets(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield credentials in plain text in the stack file, and the private SSH keys in files that it names."""
    yield from _values_with_secret_names(config)
    try:
        settings = load(config.get(CLUSTER_KEY) or {})
    except SettingsError:
        return  # invalid settings are not used, and their error messages contain no credentials
    for user, password in registry_credentials(settings).values():
        yield from (password, f"{user}:{password}")
    for _, _, login in release_logins(settings):
        yield from (login.password, f"{login.username}:{login.password}")
    for path in _ssh_key_files(settings):
        yield from _file_content(path)


def _values_with_secret_names(config: object) -> Iterator[str]:
    for value in _nested_values(config):
        if isinstance(value, Mapping):
            yield from (
                text for key, text in value.items() if isinstance(text, str) and is_secret_name(str(key))
            )


def _nested_values(value: object) -> Iterator[object]:
    """Yield a config value, and every value inside its mappings and lists at any depth."""
    yield value
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for item in items:
        yield from _nested_values(item)


def _ssh_key_files(settings: Settings) -> set[str]:
    if settings.metal is None:
        return set()
    connections = [settings.metal.connection(name) for name in settings.metal.hosts]
    host_keys = {connection.private_key_file for connection in connections}
    bastion_keys = {each.bastion.private_key_file for each in connections if each.bastion}
    return {path for path in host_keys | bastion_keys if path}


def _file_content(path: str) -> Iterator[str]:
    try:
        if path:
            yield Path(path).read_text()
    except (OSError, UnicodeDecodeError):
        return  # the program cannot read the file either, so its content cannot appear in output
