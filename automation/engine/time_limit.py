"""The time that the engine may take."""

from __future__ import annotations

import time


class TimeLimit:
    """A limit for a run of the engine: for the whole run, and for the time without progress.

    `total` and `stall` are in seconds; None means no limit. The plugin for SSH has no limit for a command, so
    a host that stops to answer would otherwise block the engine for ever.

    `expired` is true after `expire`, and `stalled` when the time without progress ended the run. Later
    progress, such as the end of canceled operations, changes neither.
    """

    def __init__(self, *, total: float | None = None, stall: float | None = None) -> None:
        self.expired = False
        self.stalled = False
        self._stall = stall
        self._last_progress = time.monotonic()
        self._end = None if total is None else self._last_progress + total

    def record_progress(self) -> None:
        """Restart the time without progress."""
        self._last_progress = time.monotonic()

    def remaining(self) -> float | None:
        """Return the seconds until the run must stop, 0 or less after that time, or None without a limit."""
        ends = [end for end in (self._end, self._stall_end) if end is not None]
        return min(ends) - time.monotonic() if ends else None

    def expire(self) -> None:
        """Record that the run is stopped now, and which of the limits stops it."""
        self.expired = True
        self.stalled = self._stall_end is not None and time.monotonic() >= self._stall_end

    @property
    def _stall_end(self) -> float | None:
        return None if self._stall is None else self._last_progress + self._stall
