"""Background thread that samples a value while a test does other work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType


class Watcher:
    """A background thread that calls `probe` every `interval` seconds and collects the results in `values`.

    `failures` collects the errors of probes that raised AssertionError, for example because the API was
    unreachable.
    """

    def __init__(self, probe: Callable[[], int], interval: float = 1.0) -> None:
        self.values: list[int] = []
        self.failures: list[str] = []
        self._probe = probe
        self._interval = interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._stopped.wait(self._interval):
            try:
                self.values.append(self._probe())
            except AssertionError as error:
                self.failures.append(str(error))
