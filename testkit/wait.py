"""Function that waits for a condition in a test. Its error contains the last failure."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: str, probe: Callable[[], T], *, timeout: float, interval: float = 1.0) -> T:
    """Call `probe` until it returns a true value without AssertionError, and return this value.

    Raise AssertionError with `condition` (text) and the last failure after `timeout` seconds. Every other
    exception of the probe is raised immediately.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            result = probe()
            last_failure = f"it was {result!r}"
            if result:
                return result
        except AssertionError as failure:
            last_failure = str(failure)
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout:.0f} s still not: {condition}; {last_failure}")
        time.sleep(interval)
