"""Expansion of `~` and variables in paths of settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from artifacts import directories


def expand(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return `text` with a leading `~`, `$KUBEWRIGHT_STATE` and `$KUBEWRIGHT_CACHE` replaced.

    Other variables are not replaced, so that a stack file has the same meaning for every deployer.
    """
    for variable, directory in (
        (directories.STATE, directories.state),
        (directories.CACHE, directories.cache),
    ):
        value = str(directory(environment))
        text = text.replace("${" + variable + "}", value).replace(f"${variable}", value)
    return str(Path(text).expanduser()) if text.startswith("~") else text
