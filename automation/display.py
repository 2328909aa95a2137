"""The engine's output, as people can read it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from rich.console import Console

from automation import encoded

# The command plugin repeats the whole text of a failed command, escaped into one line, before what
# the host said. The text is in the preview already; what the host said is what counts.
_REPEATED_COMMAND = re.compile(r': running "(?:[^"\\]|\\.)*":')

# When a resource failed, the SDK ends the program with a stack trace of its own, which says only that
# it failed. The engine has said that already, and why.
_TRACE_BEGINS = re.compile(
    r"^\s*(?:\x1b\[[0-9;]*m)*error: (?:\x1b\[[0-9;]*m)*Program failed with an unhandled"
)
# The same in a line of progress, without the trace: it stands whole among the diagnostics.
_TRACE_ANNOUNCED = re.compile(r"running.*error: .*Program failed with an unhandled exception:")
_OF_A_FAILED_RESOURCE = "ResourceRegistrationFailed:"
_LONGEST_TRACE = 100
"""Lines. A longer one is no trace; then everything is shown."""


def readable(lines: Iterable[str]) -> Iterator[str]:
    """The engine's lines as people read them.

    Without repeated commands, without traces that only say a resource failed, user data as text.
    """
    held: list[str] = []
    for line in lines:
        if not held and _TRACE_ANNOUNCED.search(line):
            continue
        if held or _TRACE_BEGINS.match(line):
            held.append(_REPEATED_COMMAND.sub(":", line))
            if _OF_A_FAILED_RESOURCE in line:
                held.clear()
            elif len(held) > _LONGEST_TRACE:
                yield from held
                held.clear()
        else:
            yield from encoded.readable(_REPEATED_COMMAND.sub(":", line))
    yield from held


def console() -> Console:
    """Where tables go: as wide as the terminal, or wide enough for a file or a pipe."""
    return Console(width=None if sys.stdout.isatty() else 160, soft_wrap=False, highlight=False)
