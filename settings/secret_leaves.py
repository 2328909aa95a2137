"""The secret values inside the object `kubewright:cluster`, by their paths.

The engine passes decrypted values to the program and only tells which keys of the configuration contain a
secret. The stack file tells which values inside the object are encrypted (`secure: …`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from formats.documents import parse_yaml
from settings.addons import HelmReleaseSettings
from settings.bases import is_secure
from settings.problem import CLUSTER_KEY, format_path

STACK_DIRECTORY = "KUBEWRIGHT_STACK_DIRECTORY"
"""Environment variable by which the driver tells the program the directory with Pulumi.yaml and the stack
file.
"""

SettingPath = tuple[str | int, ...]
"""The path of a setting inside `kubewright:cluster`: keys of mappings and positions in lists."""

WHOLE_CLUSTER: SettingPath = ()
"""The path of the object itself: every setting counts as secret."""


def secret_leaves(directory: Path, stack: str, *, has_secrets: bool) -> frozenset[SettingPath]:
    """Return the paths of the secret values inside `kubewright:cluster`.

    `directory` is the directory with the stack file, and `has_secrets` is true when the engine marks the
    object as secret. The result is the whole object when the stack file does not tell which values are
    secret: the values come from a Pulumi ESC environment or from a file at another place.
    """
    if not has_secrets:
        return frozenset()
    document = _read_stack_file(directory / f"Pulumi.{stack}.yaml")
    config = document.get("config")
    cluster = config.get(CLUSTER_KEY) if isinstance(config, Mapping) else None
    paths = frozenset(_encrypted_paths(cluster, ()))
    return frozenset({WHOLE_CLUSTER}) if not paths or document.get("environment") else paths


def secret_helm_values(
    releases: Mapping[str, HelmReleaseSettings], secrets: Iterable[SettingPath]
) -> dict[SettingPath, Any]:
    """Return the secret values of Helm charts by their paths inside `kubewright:cluster`.

    A path is that of all values of a release when the whole object is secret.
    """
    paths = frozenset(secrets)
    return {
        path: value
        for name, release in releases.items()
        for path, value in _secret_values(dict(release.values), ("helm_releases", name, "values"), paths)
    }


def _secret_values(
    value: Any,  # noqa: ANN401  JSON of any shape
    path: SettingPath,
    secrets: frozenset[SettingPath],
) -> Iterator[tuple[SettingPath, Any]]:
    """Yield path and value of each secret value inside the setting `value` at `path`."""
    if any(path[:length] in secrets for length in range(len(path) + 1)):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secret_values(item, (*path, str(key)), secrets)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _secret_values(item, (*path, position), secrets)


def exposed_settings(secrets: Iterable[SettingPath]) -> list[str]:
    """Return the encrypted settings that hosts and the state contain in plain text, such as `kubelet`.

    Only values of Helm charts and credentials of registries stay secret.
    """
    return sorted(format_path(path) for path in secrets if path and not stays_secret(path))


def stays_secret(path: SettingPath) -> bool:
    """Report whether a setting is secret everywhere: a value of a Helm chart, a credential of a registry."""
    section, field = path[0], path[2] if len(path) > 2 else ""
    return (section == "helm_releases" and field == "values") or (
        section == "registries" and field in ("username", "password")
    )


def _encrypted_paths(value: object, path: SettingPath) -> Iterator[SettingPath]:
    if is_secure(value):
        yield path
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _encrypted_paths(item, (*path, str(name)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _encrypted_paths(item, (*path, number))


def _read_stack_file(path: Path) -> Mapping[str, Any]:
    """Return the content of a stack file; empty if the file is missing or not a YAML mapping."""
    try:
        content: object = parse_yaml(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}
