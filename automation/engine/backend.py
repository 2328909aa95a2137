"""The engine's file backend: where it is."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit


def state_directory(url: str) -> Path | None:
    """The directory of a `file://` backend; None for other kinds, which keep their state themselves."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    return Path(os.path.expanduser(unquote(parts.netloc + parts.path)))
