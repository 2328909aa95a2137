"""Stack files, for commands that run without the engine. The program itself is given its configuration."""

from __future__ import annotations

from pathlib import Path

import yaml

from formats.documents import parse_yaml
from settings.bases import BaseError, merged, readable
from settings.cluster import Settings
from settings.loading import load
from settings.problem import OBJECT, Problem, SettingsError

ENCRYPTED = "encrypted"
"""Stands in the place of values that only the engine can decrypt."""


def load_file(path: Path) -> Settings:
    """The settings that a stack file (`Pulumi.dev.yaml`) describes.

    Raises SettingsError, also for a file that cannot be read or has no such object.
    """
    try:
        config = merged(path, _config).config
    except BaseError as error:
        raise _refused(path, f"cannot be used: {error}") from None
    cluster = config.get(OBJECT)
    if not isinstance(cluster, dict):
        raise _refused(path, f"has no mapping {OBJECT} below config; describe the cluster there")
    return load(readable(cluster, ENCRYPTED))


def _config(path: Path) -> dict[str, object]:
    try:
        content: object = parse_yaml(path.read_text())
    except OSError as error:
        raise _refused(
            path, f"cannot be read: {error.strerror}; name a stack file such as Pulumi.dev.yaml"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" near line {where.line + 1}" if where is not None else ""
        raise _refused(path, f"is no valid YAML{line}; correct it") from None
    config = content.get("config") if isinstance(content, dict) else None
    return config if isinstance(config, dict) else {}


def _refused(path: Path, message: str) -> SettingsError:
    return SettingsError([Problem("", f'"{path}"', message)])
