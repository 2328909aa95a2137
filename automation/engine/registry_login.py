"""Logs the engine in to registries of `oci://` charts, with a private file that is removed after a run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from automation.engine.config import decrypted_config
from automation.engine.program import Engine
from automation.lab_stack import CLUSTER_KEY
from settings import SettingsError, load
from settings.registry_logins import HELM_VARIABLE, PLUGIN_VARIABLE, login_document, registry_logins

_PREFIX = "registries-"
_OCI = "oci://"


@contextmanager
def logged_in(engine: Engine, config: Mapping[str, Any] | None = None) -> Iterator[Engine]:
    """Yield the engine with the logins of the stack's releases; the same engine if no release has a login.

    `config` is the decrypted `config` of the stack file; None: it is decrypted if a release can have a login.
    The file also has the logins of the user, from `helm registry login`.
    """
    _remove_files_of_killed_runs(engine.workspace.directory)
    if not _can_have_logins(engine.workspace.config):
        yield engine
        return
    logins = _logins_of(decrypted_config(engine) if config is None else config)
    if not logins:
        yield engine
        return
    with TemporaryDirectory(dir=engine.workspace.directory, prefix=f"{_PREFIX}{os.getpid()}-") as directory:
        file = Path(directory) / "config.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(login_document(logins, _logins_of_user(engine.variables()))))
        variables = {**engine.more_variables, HELM_VARIABLE: str(file), PLUGIN_VARIABLE: str(file)}
        yield replace(engine, more_variables=variables)


def _can_have_logins(config: Mapping[str, Any]) -> bool:
    """Check whether a release of a stack file has an `oci://` chart and a repository."""
    cluster = config.get(CLUSTER_KEY)
    releases = cluster.get("helm_releases") if isinstance(cluster, Mapping) else None
    return isinstance(releases, Mapping) and any(
        isinstance(release, Mapping)
        and str(release.get("chart", "")).startswith(_OCI)
        and release.get("repository")
        for release in releases.values()
    )


def _logins_of(config: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return registry_logins(load(config.get(CLUSTER_KEY) or {}))
    except SettingsError:
        return {}  # the program reports the problems


def _logins_of_user(variables: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the logins that the user has; none for a file that is missing or not readable."""
    home = variables.get("HELM_CONFIG_HOME") or str(
        Path(variables.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "helm"
    )
    default = str(Path(home) / "registry" / "config.json")
    path = variables.get(PLUGIN_VARIABLE) or variables.get(HELM_VARIABLE) or default
    try:
        content = json.loads(Path(path).read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, Mapping) else {}


def _remove_files_of_killed_runs(directory: Path) -> None:
    """Remove the files with logins that killed processes left."""
    for left in directory.glob(f"{_PREFIX}*"):
        process = left.name.removeprefix(_PREFIX).partition("-")[0]
        if not Path("/proc", process).exists():
            shutil.rmtree(left, ignore_errors=True)
