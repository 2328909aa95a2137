"""The directory of the programs that apply patches to Helm releases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from components.addons.post_renderers import DIRECTORY
from settings.cluster import Settings
from settings.problem import Problem, SettingsError
from settings.secret_paths import STACK_DIRECTORY


def post_renderer_directory(settings: Settings, variables: Mapping[str, str]) -> Path | None:
    """Return the directory that the driver adds to the PATH of plugins; None without patches.

    Raise SettingsError if a release has patches and the program runs without the driver.
    """
    patched = [name for name, release in settings.helm_releases.items() if release.patches]
    directory = variables.get(STACK_DIRECTORY)
    if patched and not directory:
        message = "only commands of Kubewright apply patches; remove them, or use a stack file"
        raise SettingsError([Problem(f"helm_releases.{name}.patches", "", message) for name in patched])
    return Path(directory) / DIRECTORY if patched and directory else None
