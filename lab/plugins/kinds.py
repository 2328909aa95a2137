"""The kinds of Pulumi plugins, and functions for the installation of both kinds."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

DIGEST_FILE = "stand-in.sha256"
"""File in the directory of an installed stand-in, with the digest of its sources."""


class PluginKind(StrEnum):
    """The kind of a plugin: the publisher's plugin, or the stand-in of this repository."""

    OFFICIAL = "official"
    STAND_IN = "stand-in"


class InstallError(Exception):
    """The error for a plugin that cannot be installed. The text contains the required action."""


@dataclass(frozen=True)
class Installed:
    """An installed plugin."""

    name: str
    version: str
    kind: PluginKind
    fresh: bool
    """Whether this call installed the plugin."""

    def __str__(self) -> str:
        state = "installed" if self.fresh else "already installed"
        return f"plugin {self.name} {self.version}: {self.kind}, {state}"


def run_plugin_install(
    pulumi: Path, home: Path, name: str, version: str, *options: str, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run `pulumi plugin install` for a plugin. Raise subprocess.TimeoutExpired after `timeout` seconds."""
    return subprocess.run(
        [str(pulumi), "plugin", "install", "resource", name, version, "--reinstall", *options],
        env=os.environ | {"PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def last_line(text: str) -> str:
    """Return the last line of the output of a command."""
    return (text.strip().splitlines() or ["no reason given"])[-1]
