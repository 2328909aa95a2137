"""Check that the logins of registries of charts reach the kubernetes plugin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from settings.cluster import Settings
from settings.problem import Problem, SettingsError
from settings.registry_logins import PLUGIN_VARIABLE, release_logins


def check_registry_logins(settings: Settings, variables: Mapping[str, str]) -> None:
    """Raise SettingsError if a release has credentials that the kubernetes plugin does not get.

    The driver passes the credentials to the plugin in a file. Without the driver, no program does.
    """
    known = _known_registries(variables.get(PLUGIN_VARIABLE, ""))
    problems = [
        Problem(
            f"helm_releases.{name}.repository",
            "",
            f"only commands of Kubewright log in to {registry}; remove it, run helm registry login, and set "
            f"{PLUGIN_VARIABLE} to the file with this login",
        )
        for name, registry, _ in release_logins(settings)
        if registry not in known
    ]
    if problems:
        raise SettingsError(problems)


def _known_registries(path: str) -> set[str]:
    try:
        content = json.loads(Path(path).read_text()) if path else {}
        return {*(content.get("auths") or {}), *(content.get("credHelpers") or {})}
    except (OSError, ValueError, AttributeError):
        return set()
