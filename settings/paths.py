"""Where Kubewright keeps what does not belong into the checkout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

_DEFAULTS = {
    "KUBEWRIGHT_STATE": "~/.local/state/kubewright",
    "KUBEWRIGHT_CACHE": "~/.cache/kubewright",
}


def directory(variable: str, environment: Mapping[str, str] | None = None) -> Path:
    """The directory that KUBEWRIGHT_STATE or KUBEWRIGHT_CACHE names, or its default.

    Raises KeyError for any other variable.
    """
    default = _DEFAULTS[variable]
    environment = os.environ if environment is None else environment
    return Path(environment.get(variable) or default).expanduser()


def expand(text: str, environment: Mapping[str, str] | None = None) -> str:
    """`text` with a leading `~`, `$KUBEWRIGHT_STATE` and `$KUBEWRIGHT_CACHE` replaced.

    Other variables are left alone: a stack must mean the same whoever deploys it.
    """
    for variable in _DEFAULTS:
        value = str(directory(variable, environment))
        text = text.replace("${" + variable + "}", value).replace(f"${variable}", value)
    return str(Path(text).expanduser()) if text.startswith("~") else text
