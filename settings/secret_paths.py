"""The paths of the secret values inside the object `kubewright:cluster`.

The engine passes decrypted values to the program. It marks a whole configuration key as secret, not single
values below the key. This module therefore reads from the stack file which values inside the object are
encrypted (`secure: …`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from formats.documents import parse_yaml
from settings.bases import encrypted_paths
from settings.helm_releases import HelmReleaseSettings
from settings.problem import CLUSTER_KEY, SettingPath, format_path

STACK_DIRECTORY = "KUBEWRIGHT_STACK_DIRECTORY"
"""Environment variable that the driver sets for the program: the directory with Pulumi.yaml and the stack
file.
"""

WHOLE_CLUSTER: SettingPath = ()
"""The path of the object itself: every setting counts as secret."""

Pattern = tuple[str, ...]
"""The path of a setting, with `ANY_NAME` in place of the names that users choose."""
ANY_NAME = "*"

SECRET_SETTINGS: tuple[Pattern, ...] = (
    ("registries", "*", "password"),
    ("api", "authorization_webhooks", "*", "kubeconfig"),
    ("addons", "cert_manager", "issuers", "*", "ca", "private_key"),
    ("addons", "cert_manager", "issuers", "*", "acme", "rfc2136", "secret"),
    ("addons", "dashboard", "client_secret"),
    ("addons", "external_dns", "rfc2136", "secret"),
    ("addons", "ingress", "default_certificate", "private_key"),
    ("addons", "load_balancer", "peers", "*", "password"),
    ("addons", "logs", "to", "*", "loki", "password"),
    ("addons", "logs", "to", "*", "kafka", "password"),
    ("addons", "logs", "to", "*", "elasticsearch", "password"),
    ("addons", "events", "alertmanager", "password"),
    ("addons", "monitoring", "grafana", "admin_password"),
    ("addons", "monitoring", "grafana", "oidc", "client_secret"),
    ("addons", "monitoring", "receivers", "*", "email", "password"),
    ("addons", "monitoring", "receivers", "*", "pagerduty", "routing_key"),
    ("addons", "monitoring", "receivers", "*", "slack", "api_url"),
    ("addons", "monitoring", "receivers", "*", "webhook", "bearer_token"),
    ("addons", "monitoring", "receivers", "*", "webhook", "url"),
    ("addons", "monitoring", "remote_write", "*", "bearer_token"),
    ("addons", "monitoring", "remote_write", "*", "password"),
    ("addons", "registry", "storage", "s3", "secret_access_key"),
    ("addons", "registry", "storage", "azure_blob", "account_key"),
    ("addons", "registry", "users", "*", "password"),
    ("addons", "registry", "users", "*", "password_hash"),
    ("addons", "velero", "locations", "*", "s3", "secret_access_key"),
    ("addons", "velero", "locations", "*", "azure_blob", "account_key"),
    ("addons", "velero", "repository_password"),
    ("helm_releases", "*", "repository", "password"),
    ("pull_secrets", "*", "password"),
    ("etcd", "snapshots", "to", "*", "s3", "secret_access_key"),
    ("etcd", "snapshots", "to", "*", "azure_blob", "sas_token"),
    ("etcd", "snapshots", "to", "*", "azure_blob", "account_key"),
    ("storage", "ceph", "rbd", "secret_key"),
    ("storage", "ceph", "cephfs", "secret_key"),
)
"""Settings whose values are always secret in the state. In programs that import the package, the values can
be inputs.
"""
HELM_VALUES: Pattern = ("helm_releases", "*", "values")
"""Values of Helm charts. Each value inside them can be an input, and can be secret."""
_REGISTRY_USERNAME: Pattern = ("registries", "*", "username")
"""A setting that is secret in the state with the password, and cannot be an input."""


def secret_paths(directory: Path, stack: str, *, has_secrets: bool) -> frozenset[SettingPath]:
    """Return the paths of the secret values inside `kubewright:cluster`.

    `directory` is the directory with the stack file. `has_secrets` is true when the engine marks the object
    as secret. Return the path of the whole object when the stack file has no encrypted value below it, or
    imports a Pulumi ESC environment: then the stack file does not show which values are secret.
    """
    if not has_secrets:
        return frozenset()
    document = _read_stack_file(directory / f"Pulumi.{stack}.yaml")
    config = document.get("config")
    cluster = config.get(CLUSTER_KEY) if isinstance(config, Mapping) else None
    paths = frozenset(encrypted_paths(cluster))
    return frozenset({WHOLE_CLUSTER}) if not paths or document.get("environment") else paths


def secret_helm_values(
    releases: Mapping[str, HelmReleaseSettings], secrets: Iterable[SettingPath]
) -> dict[SettingPath, Any]:
    """Return the secret values of Helm charts by their paths inside `kubewright:cluster`.

    When the whole object is secret, the result has one path for each release: the path of all its values.
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
    """Yield the path and the value of each secret value inside `value`. `path` is the path of `value`."""
    if any(path[:length] in secrets for length in range(len(path) + 1)):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secret_values(item, (*path, str(key)), secrets)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _secret_values(item, (*path, position), secrets)


def exposed_settings(secrets: Iterable[SettingPath]) -> list[str]:
    """Return the encrypted settings that hosts and the state contain in plain text, such as `kubelet`."""
    return sorted(format_path(path) for path in secrets if path and not remains_secret(path))


def remains_secret(path: SettingPath) -> bool:
    """Check whether a setting is encrypted in the state too."""
    patterns = (*SECRET_SETTINGS, HELM_VALUES, _REGISTRY_USERNAME)
    return any(matches(path[: len(pattern)], pattern) for pattern in patterns)


def matches(path: SettingPath, pattern: Pattern) -> bool:
    """Check whether a pattern names exactly this path."""
    return len(path) == len(pattern) and all(
        part in (ANY_NAME, key) for key, part in zip(path, pattern, strict=True)
    )


def matching_values(
    value: Any,  # noqa: ANN401  JSON of any shape
    pattern: Pattern,
) -> Iterator[tuple[SettingPath, Any]]:
    """Yield the path and the value of each setting inside `value` that a pattern names."""
    if not pattern:
        yield (), value
    elif isinstance(value, Mapping):
        name, *rest = pattern
        for key in value if name == ANY_NAME else {name} & value.keys():
            for path, item in matching_values(value[key], tuple(rest)):
                yield (key, *path), item


def _read_stack_file(path: Path) -> Mapping[str, Any]:
    """Return the content of a stack file; empty if the file is missing or not a YAML mapping."""
    try:
        content: object = parse_yaml(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}
