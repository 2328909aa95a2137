"""The name and the version of the Pulumi package."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

NAME = "kubewright"
_PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def _version() -> str:
    """Return the version of the installed package, or in a checkout the version in pyproject.toml.

    The result is a semantic version.
    """
    if __package__ == NAME:
        version = metadata.version(NAME)
    else:
        version = tomllib.loads(_PROJECT.read_text())["project"]["version"]
    # The engine requires a semantic version: 0.2.0.dev0 (PEP 440) becomes 0.2.0-dev0.
    return str(version).replace(".dev", "-dev")


VERSION = _version()
