"""A timer that cancels a task."""

from __future__ import annotations

import asyncio
from typing import Any


class CancelTimer:
    """A timer that cancels a task after a number of seconds; 0 means never.

    `expired` is true if the timer canceled the task.
    """

    def __init__(self, task: asyncio.Future[Any], seconds: float) -> None:
        self.expired = False
        self._task = task
        loop = asyncio.get_running_loop()
        self._handle = loop.call_later(seconds, self._expire) if seconds else None

    def stop(self) -> None:
        """Stop the timer. The task continues."""
        if self._handle is not None:
            self._handle.cancel()

    def _expire(self) -> None:
        self.expired = True
        self._task.cancel()
