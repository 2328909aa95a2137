"""What the clouds' `wait` programs share: a limit, statuses that are behind, one line at the end.

They are started for every gate of a change: nothing here, nor in them, loads Pulumi.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

_LOOK_EVERY = 5.0
_SETTLES_IN = 300.0
_SIDE_BY_SIDE = 16


class WaitError(Exception):
    """What was waited for did not come, or cannot: one line for the administrator."""


@dataclass(frozen=True, kw_only=True)
class Polling:
    """How long is waited at most, between two looks, and until what looks old counts (`settle`). Seconds."""

    limit: float
    every: float = _LOOK_EVERY
    settle: float = _SETTLES_IN


def until(patience: Polling, missing: Callable[[], str], advice: str) -> None:
    """Asks until nothing is missing.

    Raises NotThereError with what still is when the time is over; `advice` is what to do then.
    """
    deadline = time.monotonic() + patience.limit
    while waiting := missing():
        if time.monotonic() >= deadline:
            raise WaitError(f"{waiting} (waited {patience.limit:.0f} s); {advice}")
        time.sleep(patience.every)


def behind(status: Callable[[str], str], keys: Iterable[str], digest: str) -> list[str]:
    """The keys whose status is not the digest; they are asked for side by side."""
    names = list(keys)
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        found = list(pool.map(status, names))
    return [key for key, said in zip(names, found, strict=True) if said != digest]


def unhealthy(keys: Sequence[str]) -> str:
    """What is said of keys that are behind; empty when none is."""
    return f"not healthy yet: {few(keys)}" if keys else ""


def few(names: Sequence[str]) -> str:
    """The first of many names."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def ended(work: Callable[[], None], failures: tuple[type[Exception], ...]) -> int:
    """Does the work; the program's exit code. What the user can cause is one line on standard error."""
    expected: tuple[type[Exception], ...] = (WaitError, *failures)
    try:
        work()
    except expected as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0
