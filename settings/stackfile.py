"""Reader of stack files, for commands that run without the engine."""

from __future__ import annotations

from pathlib import Path

import yaml

from formats.documents import parse_yaml
from settings.bases import BaseError, merge_bases, replace_encrypted
from settings.cluster import Settings
from settings.loading import load
from settings.problem import OBJECT, Problem, SettingsError

ENCRYPTED = "encrypted"
"""The placeholder for values that only the engine can decrypt."""


def load_file(path: Path) -> Settings:
    """Return the settings of a stack file such as `Pulumi.dev.yaml`, merged with its bases.

    Raise SettingsError for invalid settings and for a file that cannot be read or describes no cluster.
    """
    try:
        config = merge_bases(path, _config).config
    except BaseError as error:
        raise _error(path, f"cannot be used: {error}") from None
    cluster = config.get(OBJECT)
    if not isinstance(cluster, dict):
        raise _error(path, f"has no mapping {OBJECT} below config; describe the cluster there")
    return load(replace_encrypted(cluster, ENCRYPTED))


def _config(path: Path) -> dict[str, object]:
    try:
        content: object = parse_yaml(path.read_text())
    except OSError as error:
        raise _error(
            path, f"cannot be read: {error.strerror}; name a stack file such as Pulumi.dev.yaml"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" near line {where.line + 1}" if where is not None else ""
        raise _error(path, f"is not valid YAML{line}; correct it") from None
    config = content.get("config") if isinstance(content, dict) else None
    return config if isinstance(config, dict) else {}


def _error(path: Path, message: str) -> SettingsError:
    return SettingsError([Problem("", f'"{path}"', message)])
