"""Wait for a condition in a test, with the last failure in the error."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(what: str, probe: Callable[[], T], *, timeout: float, interval: float = 1.0) -> T:
    """Call `probe` until it returns a true value without AssertionError, and return this value.

    Raise AssertionError with `what` and the last failure after `timeout` seconds. Every other exception of
    the probe is raised immediately.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            result = probe()
            last = f"it was {result!r}"
            if result:
                return result
        except AssertionError as failure:
            last = str(failure)
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout:.0f} s still not: {what}; {last}")
        time.sleep(interval)
