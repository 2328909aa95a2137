"""Standard output and error that outlast whoever reads them.

`kubewright up | head -1`, a closed terminal, a full disk: nobody sees the rest, but what was begun on hosts
must come to its end all the same. So a text that cannot be written is dropped, and the exit code tells.
"""

from __future__ import annotations

import io
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_TEXT = "standard output: {why}: not everything was shown; what was begun was done to its end"


class _Outlet(io.FileIO):
    """A file descriptor, left open, whose first failure is kept and ends nothing."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.lost = ""

    def write(self, data: ReadableBuffer, /) -> int:
        while not self.lost:
            try:
                written = super().write(data)
            except OSError as error:
                self.lost = error.strerror or str(error)
                break
            if written is not None:
                return written
            # Somebody made the pipe non-blocking, and it is full.
            select.select([], [self], [])
        return memoryview(data).nbytes


def survive_broken_pipe() -> None:
    """Makes standard output and error of this process such ones; those that are closed stay so."""
    for name in ("stdout", "stderr"):
        old = getattr(sys, name)
        if old is not None:
            setattr(sys, name, _text(old))


def exit_code(wanted: int) -> int:
    """The exit code, once everything is said: 1 in the place of `wanted` when not all could be written."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    why = _lost(sys.stdout)
    if not why:
        return wanted
    print(f"kubewright: {_TEXT.format(why=why)}", file=sys.stderr, flush=True)
    return 1


def _text(old: TextIO) -> TextIO:
    old.flush()
    # A sign that the terminal's encoding does not have is no reason to stop either.
    errors = "backslashreplace" if old.errors == "strict" else old.errors
    raw = io.BufferedWriter(_Outlet(old.fileno()))
    # Unbuffered (PYTHONUNBUFFERED) becomes line by line: there are no shorter texts.
    lines = not isinstance(old, io.TextIOWrapper) or old.line_buffering or old.write_through
    return io.TextIOWrapper(raw, encoding=old.encoding, errors=errors, line_buffering=lines)


def _lost(stream: TextIO | None) -> str:
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", None)
    return raw.lost if isinstance(raw, _Outlet) else ""
