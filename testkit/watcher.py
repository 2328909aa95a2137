"""Background observation of a value during other work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType


class Watcher:
    """A background thread that calls `probe` every second and collects its values in `seen`.

    A probe that raises AssertionError (the API was unreachable for a moment) is ignored.
    """

    def __init__(self, probe: Callable[[], int], interval: float = 1.0) -> None:
        self.seen: list[int] = []
        self._probe = probe
        self._interval = interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stopped.wait(self._interval):
            try:
                self.seen.append(self._probe())
            except AssertionError:
                continue
