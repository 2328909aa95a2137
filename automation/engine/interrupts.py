"""Signals that ask the driver to end, passed on to the engines that it runs.

Engines run in process groups of their own: whether a terminal, a CI system or `kill` asks, and whom of a
group, each engine hears it once, and finishes what it has begun. Asked again it ends at once, as Pulumi does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from automation.errors import UserError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_asked = threading.Event()
_running: set[subprocess.Popen[str]] = set()
_lock = threading.RLock()


class Interrupted(UserError):
    """Somebody asked the driver to end while it waited, or before an engine was begun."""


def check() -> None:
    """Raises `Interrupted` when the driver was asked to end."""
    if _asked.is_set():
        raise Interrupted("interrupted; nothing more was begun")


def sleep(seconds: float) -> None:
    """Waits. Raises `Interrupted` as soon as the driver is asked to end."""
    _asked.wait(seconds)
    check()


@contextmanager
def running(engine: subprocess.Popen[str]) -> Iterator[None]:
    """While this lasts the engine hears of every signal that asks the driver to end."""
    with _lock:
        _running.add(engine)
        if _asked.is_set():
            engine.send_signal(signal.SIGINT)
    try:
        yield
    finally:
        with _lock:
            _running.discard(engine)


@contextmanager
def passed_on() -> Iterator[None]:
    """Handles the signals; used in the main thread, around everything that runs engines."""
    before = {number: signal.signal(number, _handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked.clear()


def _handle(number: int, _: FrameType | None) -> None:
    with _lock:
        engines = [engine for engine in _running if engine.poll() is None]
        if _asked.is_set() and not engines:
            # Asked twice, and it is neither an engine nor a wait that holds us up.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        _asked.set()
        for engine in engines:
            engine.send_signal(signal.SIGINT)
