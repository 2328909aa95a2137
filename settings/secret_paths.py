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
from settings.addons import HelmReleaseSettings
from settings.bases import encrypted_paths
from settings.problem import CLUSTER_KEY, SettingPath, format_path

STACK_DIRECTORY = "KUBEWRIGHT_STACK_DIRECTORY"
"""Environment variable that the driver sets for the program: the directory with Pulumi.yaml and the stack
file.
"""

WHOLE_CLUSTER: SettingPath = ()
"""The path of the object itself: every setting counts as secret."""


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
    """Return the encrypted settings that hosts and the state contain in plain text, such as `kubelet`.

    All other encrypted settings are values of Helm charts, credentials of registries, kubeconfigs of
    authorization webhooks, passwords of BGP peers, secrets of issuers, the key of the default certificate of
    `addons.ingress`, or the secret of the TSIG key of `addons.external_dns`.
    """
    return sorted(format_path(path) for path in secrets if path and not remains_secret(path))


def remains_secret(path: SettingPath) -> bool:
    """Check whether a setting is encrypted in the state too: a Helm value, a credential of a registry, the
    kubeconfig of an authorization webhook, the password of a BGP peer, a secret of an issuer, the key of the
    default certificate of `addons.ingress`, or the secret of the TSIG key of `addons.external_dns`.
    """
    if path[:3] == ("addons", "cert_manager", "issuers"):
        return path[4:] in (("ca", "private_key"), ("acme", "rfc2136", "secret"))
    if path[:2] == ("addons", "external_dns"):
        return path[2:] == ("rfc2136", "secret")
    if path[:3] == ("addons", "load_balancer", "peers"):
        return path[4:] == ("password",)
    if path[:2] == ("api", "authorization_webhooks"):
        return path[3:] == ("kubeconfig",)
    if path[:2] == ("addons", "ingress"):
        return path[2:] == ("default_certificate", "private_key")
    section, field = path[0], path[2] if len(path) > 2 else ""
    return (section == "helm_releases" and field == "values") or (
        section == "registries" and field in ("username", "password")
    )


def _read_stack_file(path: Path) -> Mapping[str, Any]:
    """Return the content of a stack file; empty if the file is missing or not a YAML mapping."""
    try:
        content: object = parse_yaml(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}
