"""Filters the output of the engine: removes repeated commands and redundant stack traces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from automation.engine import user_data_diff

# The command plugin repeats the whole text of a failed command, escaped into one line, before the output of
# the host. The preview has shown that text; the output of the host is the important part.
_REPEATED_COMMAND = re.compile(r': running "(?:[^"\\]|\\.)*":')

# When a resource fails, the SDK ends the program with a stack trace. The trace is redundant, because the
# engine has already printed the failure and its reason.
_TRACE_BEGINS = re.compile(
    r"^\s*(?:\x1b\[[0-9;]*m)*error: (?:\x1b\[[0-9;]*m)*Program failed with an unhandled"
)
# The same message in a progress line. The engine repeats the message with the trace in its diagnostics.
_TRACE_ANNOUNCED = re.compile(r"running.*error: .*Program failed with an unhandled exception:")
_FORMATTING = re.compile(r"\x1b\[[0-9;]*m|<\{%[^%]*%\}>")
_FAILED_RESOURCE = "ResourceRegistrationFailed:"
_MAX_TRACE_LINES = 100
"""Maximum number of lines of a stack trace. A longer text is not a trace and is shown completely."""


class OutputFilter:
    """A filter for the output lines of the engine.

    The filter removes repeated commands and stack traces that only report a failed resource, and shows user
    data as text.
    """

    def __init__(self) -> None:
        self._withheld: list[str] = []

    def feed(self, line: str) -> list[str]:
        """Process the next output line of the engine. Return the lines that can be shown now."""
        withheld = self._withheld
        if not withheld and _TRACE_ANNOUNCED.search(line):
            return []
        if not withheld and not _TRACE_BEGINS.match(line):
            return list(user_data_diff.decode_user_data(_REPEATED_COMMAND.sub(":", line)))
        withheld.append(_REPEATED_COMMAND.sub(":", line))
        if _FAILED_RESOURCE in line:
            withheld.clear()
        return self.flush() if len(withheld) > _MAX_TRACE_LINES else []

    def flush(self) -> list[str]:
        """Return the withheld lines and forget them. Call this method at the end of the output."""
        rest, self._withheld = self._withheld, []
        return rest


def filter_lines(lines: Iterable[str]) -> Iterator[str]:
    """Yield output lines of the engine without repeated commands and redundant stack traces."""
    output_filter = OutputFilter()
    for line in lines:
        yield from output_filter.feed(line)
    yield from output_filter.flush()


def strip_formatting(text: str) -> str:
    """Return a text of the engine without formatting and without repeated commands.

    Formatting consists of terminal escape sequences and the engine's markup `<{%…%}>`.
    """
    return _REPEATED_COMMAND.sub(":", _FORMATTING.sub("", text)).strip()
