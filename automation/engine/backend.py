"""Finds the directory of the engine's file backend."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit


def state_directory(url: str) -> Path | None:
    """Return the directory of a `file://` backend; None for a backend outside of this machine."""
    address = urlsplit(url)
    if address.scheme != "file":
        return None
    return Path(os.path.expanduser(unquote(address.netloc + address.path)))
