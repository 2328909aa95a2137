"""Polling for the `wait` programs of the clouds: time limits, reported statuses, exit codes.

Every health gate of a change starts a `wait` program. To start fast, these programs and this module do not
import Pulumi.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from formats.lists import shorten_list

_INTERVAL_SECONDS = 5.0
_STALE_SECONDS = 300.0
_PARALLEL_REQUESTS = 16


class WaitError(Exception):
    """A condition was not met in time, or cannot be met; the message is one line for the operator."""


@dataclass(frozen=True, kw_only=True)
class Polling:
    """Times in seconds: `limit` for the whole wait, `interval` between two polls.

    `stale_after` is the time after which a failure from before the wait counts too.
    """

    limit: float
    interval: float = _INTERVAL_SECONDS
    stale_after: float = _STALE_SECONDS


def poll(polling: Polling, describe_missing: Callable[[], str], advice: str) -> None:
    """Call `describe_missing` repeatedly until it returns an empty text, which means that nothing is missing.

    Raise WaitError with the last text and with `advice` after the time limit.
    """
    deadline = time.monotonic() + polling.limit
    while message := describe_missing():
        if time.monotonic() >= deadline:
            raise WaitError(f"{message} (waited {polling.limit:.0f} s); {advice}")
        time.sleep(polling.interval)


def unreported_keys(status: Callable[[str], str], keys: Iterable[str], digest: str) -> list[str]:
    """Return the keys whose status is missing or is not the expected digest.

    `status` reads the status under one key; calls run in parallel.
    """
    names = list(keys)
    with ThreadPoolExecutor(_PARALLEL_REQUESTS) as executor:
        statuses = list(executor.map(status, names))
    return [name for name, reported in zip(names, statuses, strict=True) if reported != digest]


def describe_unhealthy(keys: Sequence[str]) -> str:
    """Return a message about status keys without the expected status; empty for no keys."""
    return f"not healthy yet: {shorten_list(keys, 3)}" if keys else ""


def run_program(wait: Callable[[], None], expected_errors: tuple[type[Exception], ...]) -> int:
    """Call `wait`. Return the exit code of the program: 0, or 1 if `wait` raises an expected error.

    Expected errors are WaitError and `expected_errors`. They are printed as one line to standard error.
    """
    one_line_errors: tuple[type[Exception], ...] = (WaitError, *expected_errors)
    try:
        wait()
    except one_line_errors as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0
