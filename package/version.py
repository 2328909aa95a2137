"""Name and version of the Pulumi package."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

NAME = "kubewright"
_PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def _version() -> str:
    """Return the version as semantic version: from the checkout's pyproject.toml, else of the installed
    package.
    """
    if __package__ == NAME:
        version = metadata.version(NAME)
    else:
        version = tomllib.loads(_PROJECT.read_text())["project"]["version"]
    # 0.2.0.dev0 (PEP 440) is 0.2.0-dev0 (semantic versioning), which the engine requires.
    return str(version).replace(".dev", "-dev")


VERSION = _version()
