"""The console that tables are printed to."""

from __future__ import annotations

import sys

from rich.console import Console


def console() -> Console:
    """Return a console for standard output.

    The console is as wide as the terminal, or 160 columns wide when standard output is a file or a pipe.
    """
    return Console(width=None if sys.stdout.isatty() else 160, soft_wrap=False, highlight=False)
