"""The engine's output, as people can read it."""

from __future__ import annotations

import re
import sys

from rich.console import Console

# The command plugin repeats the whole text of a failed command, escaped into one line, before what
# the host said. The text is in the preview already; what the host said is what counts.
_REPEATED_COMMAND = re.compile(r': running "(?:[^"\\]|\\.)*":')


def readable(line: str) -> str:
    """A line of the engine's output without the repeated text of a failed command."""
    return _REPEATED_COMMAND.sub(":", line)


def console() -> Console:
    """Where tables go: as wide as the terminal, or wide enough for a file or a pipe."""
    return Console(width=None if sys.stdout.isatty() else 160, soft_wrap=False, highlight=False)
