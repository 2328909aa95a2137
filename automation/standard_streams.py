"""Standard output and error that survive a closed pipe, a closed terminal and a full disk.

Work on hosts must finish even when its output can no longer be written (`kubewright up | head -1`). Text that
cannot be written is dropped, and the exit code reports the loss.
"""

from __future__ import annotations

import io
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_LOST_OUTPUT_MESSAGE = "standard output: {reason}: part of the output is lost; the command itself finished"


class _LossyStream(io.FileIO):
    """A stream on a file descriptor that drops all text after the first write error and keeps the reason."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.loss_reason = ""

    def write(self, data: ReadableBuffer, /) -> int:
        while not self.loss_reason:
            try:
                written = super().write(data)
            except OSError as error:
                self.loss_reason = error.strerror or str(error)
                break
            if written is not None:
                return written
            # The pipe is non-blocking and full.
            select.select([], [self], [])
        return memoryview(data).nbytes


def survive_broken_pipe() -> None:
    """Replace standard output and error of this process by streams that ignore write errors."""
    for name in ("stdout", "stderr"):
        old = getattr(sys, name)
        if old is not None:
            setattr(sys, name, _make_lossy_stream(old))


def flush_and_get_exit_code(code: int) -> int:
    """Flush the output. Return `code`, or 1 when part of the output could not be written."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    reason = _loss_reason(sys.stdout)
    if not reason:
        return code
    print(f"kubewright: {_LOST_OUTPUT_MESSAGE.format(reason=reason)}", file=sys.stderr, flush=True)
    return 1


def _make_lossy_stream(old: TextIO) -> TextIO:
    old.flush()
    # A character that the encoding of the terminal lacks must not end the work.
    errors = "backslashreplace" if old.errors == "strict" else old.errors
    raw = io.BufferedWriter(_LossyStream(old.fileno()))
    # Make unbuffered streams (PYTHONUNBUFFERED) line buffered, so that each write contains a whole line.
    lines = not isinstance(old, io.TextIOWrapper) or old.line_buffering or old.write_through
    return io.TextIOWrapper(raw, encoding=old.encoding, errors=errors, line_buffering=lines)


def _loss_reason(stream: TextIO | None) -> str:
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", None)
    return raw.loss_reason if isinstance(raw, _LossyStream) else ""
