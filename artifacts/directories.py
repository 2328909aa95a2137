"""The directories for data outside the checkout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

STATE = "KUBEWRIGHT_STATE"
"""The environment variable with the directory of persistent data."""
CACHE = "KUBEWRIGHT_CACHE"
"""The environment variable with the directory of reproducible data."""
MIRROR = "mirror"
"""The name of the directory of this machine's mirror, below the directory of reproducible data."""
_DEFAULTS = {STATE: "~/.local/state/kubewright", CACHE: "~/.cache/kubewright"}


def state(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of persistent data (stacks, labs): $KUBEWRIGHT_STATE or its default."""
    return _configured_directory(STATE, environment)


def cache(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of reproducible data: $KUBEWRIGHT_CACHE or its default."""
    return _configured_directory(CACHE, environment)


def mirror(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of this machine's mirror, which `kubewright mirror` creates by default."""
    return cache(environment) / MIRROR


def _configured_directory(variable: str, environment: Mapping[str, str]) -> Path:
    return Path(environment.get(variable) or _DEFAULTS[variable]).expanduser().absolute()
