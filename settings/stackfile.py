"""Reader of stack files, for commands that run without the engine."""

from __future__ import annotations

from pathlib import Path

import yaml

from formats.documents import parse_yaml
from settings.bases import BaseError, merge_bases, replace_encrypted
from settings.cluster import Settings
from settings.loading import load
from settings.problem import CLUSTER_KEY, Problem, SettingsError

ENCRYPTED_PLACEHOLDER = "encrypted"
"""The placeholder for values that only the engine can decrypt."""


def load_file(path: Path) -> Settings:
    """Return the settings of a stack file such as `Pulumi.dev.yaml`, merged with its bases.

    Raise SettingsError for invalid settings and for a file that cannot be read or describes no cluster.
    """
    try:
        config = merge_bases(path, _read_config).config
    except BaseError as error:
        raise _stack_file_error(path, f"cannot be used: {error}") from None
    cluster = config.get(CLUSTER_KEY)
    if not isinstance(cluster, dict):
        raise _stack_file_error(
            path, f"has no mapping {CLUSTER_KEY} below config; describe the cluster there"
        )
    return load(replace_encrypted(cluster, ENCRYPTED_PLACEHOLDER))


def _read_config(path: Path) -> dict[str, object]:
    """Return the `config` mapping of a stack file; empty if the file has none. Raise SettingsError."""
    try:
        content: object = parse_yaml(path.read_text())
    except OSError as error:
        raise _stack_file_error(
            path, f"cannot be read: {error.strerror}; name a stack file such as Pulumi.dev.yaml"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" near line {where.line + 1}" if where is not None else ""
        raise _stack_file_error(path, f"is not valid YAML{line}; correct it") from None
    config = content.get("config") if isinstance(content, dict) else None
    return config if isinstance(config, dict) else {}


def _stack_file_error(path: Path, message: str) -> SettingsError:
    return SettingsError([Problem("", f'"{path}"', message)])
