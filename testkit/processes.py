"""Sampling of the command lines of all processes."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType


def command_lines() -> set[str]:
    """Return the command lines of all processes on this machine, including the hosts of labs."""
    lines = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            raw = (process / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        lines.add(raw.replace(b"\0", b" ").decode(errors="replace").strip())
    return lines


class CommandLineWatch:
    """A background thread that collects the command lines of all processes four times a second."""

    def __init__(self) -> None:
        self.command_lines: set[str] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def __enter__(self) -> CommandLineWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop collecting; `command_lines` keeps the command lines."""
        self._stopped.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._stopped.wait(0.25):
            self.command_lines |= command_lines()
