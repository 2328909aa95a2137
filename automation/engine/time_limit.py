"""Time limits for a run of the engine."""

from __future__ import annotations

import time


class TimeLimit:
    """Two limits for a run of the engine: the total time, and the time without progress.

    `total` and `stall` are in seconds; None means no limit. The command plugin has no limit for a command on
    a host, so without these limits a host that stops responding would block the engine forever.

    `expired` is true after a call of `expire`. `stalled` is true if the limit for the time without progress
    had passed at that call. Later progress, such as the end of canceled operations, changes neither value.
    """

    def __init__(self, *, total: float | None = None, stall: float | None = None) -> None:
        self.expired = False
        self.stalled = False
        self._stall = stall
        self._last_progress = time.monotonic()
        self._end = None if total is None else self._last_progress + total

    def record_progress(self) -> None:
        """Record progress. The time without progress starts again at 0."""
        self._last_progress = time.monotonic()

    def remaining(self) -> float | None:
        """Return the seconds until the run must stop: 0 or less after that time, None without a limit."""
        ends = [end for end in (self._end, self._stall_end) if end is not None]
        return min(ends) - time.monotonic() if ends else None

    def expire(self) -> None:
        """Record that a limit has passed, and which limit."""
        self.expired = True
        self.stalled = self._stall_end is not None and time.monotonic() >= self._stall_end

    @property
    def _stall_end(self) -> float | None:
        return None if self._stall is None else self._last_progress + self._stall
