"""Where tables are shown."""

from __future__ import annotations

import sys

from rich.console import Console


def console() -> Console:
    """Where tables go: as wide as the terminal, or wide enough for a file or a pipe."""
    return Console(width=None if sys.stdout.isatty() else 160, soft_wrap=False, highlight=False)
