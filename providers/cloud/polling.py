"""Polling for the `wait` programs of the clouds: time limits, reported statuses, exit codes.

Every health gate of a change starts a `wait` program. To start fast, these programs and this module do not
import Pulumi.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from formats.lists import shorten_list
from formats.notices import FAILURE, PROGRESS

_INTERVAL_SECONDS = 5.0
_STALE_SECONDS = 300.0
_PARALLEL_REQUESTS = 16
_MAX_FAILURES = 3
ERROR = "error"
"""The last part of the key under which a machine writes its last failure, beside the statuses of its
roles.
"""


class WaitError(Exception):
    """A condition was not met in time, or cannot be met; the message is one line for the operator."""


@dataclass(frozen=True, kw_only=True)
class Polling:
    """Times in seconds: `limit` without progress, `interval` between two polls.

    `stale_after` is the time after which a failure from before the wait counts too.
    """

    limit: float
    interval: float = _INTERVAL_SECONDS
    stale_after: float = _STALE_SECONDS


@dataclass(frozen=True, kw_only=True)
class Missing:
    """What a wait still misses. `text` describes it; empty: nothing is missing.

    `done` is the number of machines or roles that need no more time. A larger number than ever before is
    progress. `failures` are the last failures of machines that do not boot, by machine.
    """

    text: str
    done: int = 0
    failures: Mapping[str, str] = field(default_factory=dict)


def poll(polling: Polling, describe_missing: Callable[[], str | Missing], advice: str) -> None:
    """Call `describe_missing` repeatedly until nothing is missing.

    Write progress and each new failure of a machine to standard error. Raise WaitError with the last text,
    the failures and `advice` when there was no progress for the time limit.
    """
    best, deadline = 0, time.monotonic() + polling.limit
    shown: dict[str, str] = {}
    while (missing := _as_missing(describe_missing())).text:
        if missing.done > best:
            best, deadline = missing.done, time.monotonic() + polling.limit
            print(f"{PROGRESS}{missing.text}", file=sys.stderr, flush=True)
        _show_failures(missing.failures, shown)
        if time.monotonic() >= deadline:
            failures = "".join(f"; {name}: {_reason(text)}" for name, text in missing.failures.items())
            raise WaitError(f"{missing.text} (no progress for {polling.limit:.0f} s){failures}; {advice}")
        time.sleep(polling.interval)


def join_missing(parts: Iterable[Missing]) -> Missing:
    """Return what several machine groups miss together."""
    groups = list(parts)
    return Missing(
        text="; ".join(group.text for group in groups if group.text),
        done=sum(group.done for group in groups),
        failures={name: text for group in groups for name, text in group.failures.items()},
    )


def _as_missing(value: str | Missing) -> Missing:
    return value if isinstance(value, Missing) else Missing(text=value)


def _show_failures(failures: Mapping[str, str], shown: dict[str, str]) -> None:
    """Write each failure to standard error that differs from the last failure of the same machine in
    `shown`.
    """
    for name, text in failures.items():
        if shown.get(name) != _reason(text):
            shown[name] = _reason(text)
            for line in text.splitlines():
                print(f"{FAILURE}{name}: {line}", file=sys.stderr, flush=True)


def _reason(text: str) -> str:
    """Return the reason of a failure, which follows a time in the first line, as boot.sh writes it."""
    first = text.partition("\n")[0]
    return first.partition(": ")[2] or first


def failures(status: Callable[[str], str], unhealthy_keys: Iterable[str]) -> Mapping[str, str]:
    """Return the last failures of the machines with these status keys, by name of the machine.

    `status` reads the text under one key. At most `_MAX_FAILURES` machines are asked.
    """
    machines = dict.fromkeys(key.rpartition("/")[0] for key in unhealthy_keys)
    texts = {machine: status(f"{machine}/{ERROR}") for machine in list(machines)[:_MAX_FAILURES]}
    return {machine.rpartition("/")[2]: text for machine, text in texts.items() if text}


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
