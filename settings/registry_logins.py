"""The registries of `oci://` charts that need a login, and the configuration file of Helm with the logins.

The kubernetes plugin ignores the credentials of a release for these charts (pulumi/pulumi-kubernetes#1914).
It reads the logins that `helm registry login` writes. The format is that of Docker's config.json.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from settings.charts import is_oci_reference

if TYPE_CHECKING:
    from settings.cluster import Settings

PLUGIN_VARIABLE = "PULUMI_K8S_HELM_REGISTRY_CONFIG_PATH"
"""Environment variable with the path of the file with logins, for releases of Pulumi."""
HELM_VARIABLE = "HELM_REGISTRY_CONFIG"
"""Environment variable with the same path, for the client of Helm."""


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """A user name and a password for a registry, such as `registry.example:5000`."""

    username: str
    password: str


def registry_of(chart: str) -> str:
    """Return the registry of an `oci://` reference."""
    return chart.removeprefix("oci://").partition("/")[0]


def release_logins(settings: Settings) -> Iterator[tuple[str, str, RegistryLogin]]:
    """Yield the name, the registry and the login of each release that logs in to a registry."""
    if settings.artifacts.charts == "mirror":
        return
    for name, release in settings.helm_releases.items():
        repository = release.repository
        if repository and is_oci_reference(release.chart) and repository.username and repository.password:
            login = RegistryLogin(repository.username, repository.password.get_secret_value())
            yield name, registry_of(release.chart), login


def registry_logins(settings: Settings) -> dict[str, RegistryLogin]:
    """Return the logins of all releases by registry."""
    return {registry: login for _, registry, login in release_logins(settings)}


def login_document(logins: Mapping[str, RegistryLogin], existing: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a file with logins: those in `existing`, and `logins`, which override them.

    A file with a credentials store (`credsStore`) has its logins outside of the file. The store is kept for
    the registries that the file names, because it would hide the logins of all other registries.
    """
    auths = dict(existing.get("auths") or {})
    helpers = dict(existing.get("credHelpers") or {})
    store = existing.get("credsStore")
    if store:
        helpers = {**{registry: store for registry, auth in auths.items() if not auth}, **helpers}
    for registry, login in logins.items():
        token = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
        auths[registry] = {"auth": token}
        helpers.pop(registry, None)
    return {"auths": auths, **({"credHelpers": helpers} if helpers else {})}
