"""The engine as a process: told to end once, whoever asks, and nothing of it is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

FORCE_STOP_TIMEOUT = 2.0
"""Seconds between a second interrupt and the engine's end (GitHub gives 2.5 s after its second signal)."""

_LAUNCH = Path(__file__).with_name("launch.py")


class EngineProcess:
    """A running engine, in a session of its own if `own`.

    In the driver's session a terminal would interrupt it beside the driver, and two interrupts are one too
    many: at the second, the engine leaves what it has begun.
    """

    def __init__(self, line: Sequence[str], *, own: bool, **options: Any) -> None:  # noqa: ANN401 - Popen's
        self.popen: subprocess.Popen[Any]
        self.told = False
        self.killed = False
        self._own = own
        self._lock = threading.Lock()
        self._timers: list[threading.Timer] = []
        self._guard: int | None = None
        if own:
            theirs, self._guard = os.pipe()
            launch = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), str(theirs)]
            try:
                with _held_back(signal.SIGINT):
                    self.popen = subprocess.Popen(
                        [*launch, *line], start_new_session=True, pass_fds=[theirs], **options
                    )
            finally:
                os.close(theirs)
        else:
            self.popen = subprocess.Popen(line, **options)

    def interrupt(self, patience: float) -> None:
        """Asks the engine to end, the first time only: it ends what it has begun, and begins nothing more.

        After `patience` seconds it is ended.
        """
        with self._lock:
            if self.told:
                return
            self.told = True
        self._ask(patience)

    def force_stop(self) -> None:
        """Asks again: the engine leaves what it has begun, records that, and is ended soon."""
        self.told = True
        self._ask(FORCE_STOP_TIMEOUT)

    def end(self) -> None:
        """Ends the engine and all that it started."""
        self.killed = self.killed or self.popen.poll() is None
        if not self._own:
            self.popen.kill()
            return
        # Its plugins have process groups of their own, but its session.
        for process in processes():
            if process.session == self.popen.pid:
                process.signal(signal.SIGKILL)

    def close(self) -> None:
        """To be called when the engine is over: nothing of one that was told to end lives on."""
        for timer in self._timers:
            timer.cancel()
        if self.told or self.popen.poll() is None:
            self.end()
        self.popen.wait()
        if self._guard is not None:
            with suppress(BrokenPipeError):  # it was ended with the engine's session
                os.write(self._guard, b".")
            os.close(self._guard)
            self._guard = None

    def _ask(self, patience: float) -> None:
        timer = threading.Timer(patience, self.end)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()
        self.popen.send_signal(signal.SIGINT)


class Process:
    """A process of this machine, by its line in /proc (proc_pid_stat(5))."""

    def __init__(self, stat: str) -> None:
        number, _, rest = stat.partition(" ")
        self.pid = int(number)
        _, parent, group, session, *_ = rest.rpartition(")")[2].split()
        self.parent, self.group, self.session = int(parent), int(group), int(session)

    def signal(self, number: int) -> None:
        """Sends it a signal; nothing when it is over."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def processes() -> Iterator[Process]:
    """The processes of this machine."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            yield Process(stat.read_text(errors="replace"))


def terminate_children() -> None:
    """Ends what this process started in its own group, and what that started."""
    mine = os.getpgrp()
    found = {process.pid: process for process in processes() if process.group == mine}
    ours = {os.getpid()}
    while more := {pid for pid, each in found.items() if each.parent in ours} - ours:
        ours |= more
    for pid in ours - {os.getpid()}:
        found[pid].signal(signal.SIGTERM)


@contextmanager
def _held_back(number: signal.Signals) -> Iterator[None]:
    """A child of this thread begins with that signal blocked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
