"""The engine's output, as people can read it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from automation.engine import user_data_diff

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
_COLOURS = re.compile(r"\x1b\[[0-9;]*m|<\{%[^%]*%\}>")
_OF_A_FAILED_RESOURCE = "ResourceRegistrationFailed:"
_LONGEST_TRACE = 100
"""Lines. A longer one is no trace; then everything is shown."""


class OutputFilter:
    """The engine's lines as people read them.

    Without repeated commands, without traces that only say a resource failed, user data as text.
    """

    def __init__(self) -> None:
        self._held: list[str] = []

    def feed(self, line: str) -> list[str]:
        """The lines that can be shown now, given the next one."""
        held = self._held
        if not held and _TRACE_ANNOUNCED.search(line):
            return []
        if not held and not _TRACE_BEGINS.match(line):
            return list(user_data_diff.decode_user_data(_REPEATED_COMMAND.sub(":", line)))
        held.append(_REPEATED_COMMAND.sub(":", line))
        if _OF_A_FAILED_RESOURCE in line:
            held.clear()
        return self.end() if len(held) > _LONGEST_TRACE else []

    def end(self) -> list[str]:
        """What was still held back, when nothing more comes."""
        rest, self._held = self._held, []
        return rest


def filter_lines(lines: Iterable[str]) -> Iterator[str]:
    """All of the lines that people should read."""
    reader = OutputFilter()
    for line in lines:
        yield from reader.feed(line)
    yield from reader.end()


def strip_formatting(text: str) -> str:
    """A text of the engine without its colours (escape sequences, or its own `<{%…%}>`)."""
    return _REPEATED_COMMAND.sub(":", _COLOURS.sub("", text)).strip()
