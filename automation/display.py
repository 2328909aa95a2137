"""The engine's output, as people can read it."""

from __future__ import annotations

import re

# The command plugin repeats the whole text of a failed command, escaped into one line, before what
# the host said. The text is in the preview already; what the host said is what counts.
_REPEATED_COMMAND = re.compile(r': running "(?:[^"\\]|\\.)*":')


def readable(line: str) -> str:
    """A line of the engine's output without the repeated text of a failed command."""
    return _REPEATED_COMMAND.sub(":", line)
