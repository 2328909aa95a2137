"""Runs the engine as a process that is interrupted only once and ends together with its child processes."""

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
"""Seconds between the second interrupt of the engine and the kill. GitHub waits 2.5 s after its second
signal.
"""

_LAUNCHER = Path(__file__).with_name("launch.py")


class EngineProcess:
    """A running engine process, in a new session if `new_session` is true.

    In the session of the driver, a terminal would send the signal to the driver and to the engine, and the
    driver would then interrupt the engine a second time. At a second interrupt the engine abandons its
    running operations.
    """

    def __init__(self, command_line: Sequence[str], *, new_session: bool, **options: Any) -> None:  # noqa: ANN401 - Popen's
        self.popen: subprocess.Popen[Any]
        self.interrupted = False
        self.killed = False
        self._new_session = new_session
        self._lock = threading.Lock()
        self._timers: list[threading.Timer] = []
        self._guard: int | None = None
        if new_session:
            read_end, self._guard = os.pipe()
            launcher_command = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(read_end)]
            try:
                with _signal_blocked(signal.SIGINT):
                    self.popen = subprocess.Popen(
                        [*launcher_command, *command_line],
                        start_new_session=True,
                        pass_fds=[read_end],
                        **options,
                    )
            finally:
                os.close(read_end)
        else:
            self.popen = subprocess.Popen(command_line, **options)

    def interrupt(self, timeout: float) -> None:
        """Interrupt the engine once, and kill it after `timeout` seconds.

        The engine finishes running operations and starts no others. Later calls have no effect.
        """
        with self._lock:
            if self.interrupted:
                return
            self.interrupted = True
        self._send_interrupt(timeout)

    def force_stop(self) -> None:
        """Interrupt the engine again, and kill it after `FORCE_STOP_TIMEOUT`.

        At the second interrupt the engine abandons its running operations and records them in the state.
        """
        self.interrupted = True
        self._send_interrupt(FORCE_STOP_TIMEOUT)

    def kill(self) -> None:
        """Kill the engine and all processes that the engine started."""
        self.killed = self.killed or self.popen.poll() is None
        if not self._new_session:
            self.popen.kill()
            return
        # Plugins have their own process groups but share the session.
        for process in processes():
            if process.session == self.popen.pid:
                process.signal(signal.SIGKILL)

    def close(self) -> None:
        """Wait until the engine has ended, and end its timers and its guard process.

        First kill an engine that still runs, and all processes that an interrupted engine left in its
        session.
        """
        for timer in self._timers:
            timer.cancel()
        if self.interrupted or self.popen.poll() is None:
            self.kill()
        self.popen.wait()
        if self._guard is not None:
            with suppress(BrokenPipeError):  # the guard was killed together with the session of the engine
                os.write(self._guard, b".")
            os.close(self._guard)
            self._guard = None

    def _send_interrupt(self, timeout: float) -> None:
        timer = threading.Timer(timeout, self.kill)
        timer.daemon = True
        self._timers.append(timer)
        timer.start()
        self.popen.send_signal(signal.SIGINT)


class Process:
    """A process of this machine, parsed from its line in /proc (proc_pid_stat(5))."""

    def __init__(self, stat: str) -> None:
        number, _, rest = stat.partition(" ")
        self.pid = int(number)
        _, parent, group, session, *_ = rest.rpartition(")")[2].split()
        self.parent, self.group, self.session = int(parent), int(group), int(session)

    def signal(self, number: int) -> None:
        """Send a signal to the process. Do nothing when the process has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def processes() -> Iterator[Process]:
    """Yield the processes of this machine."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # the process ended meanwhile
            yield Process(stat.read_text(errors="replace"))


def terminate_children() -> None:
    """Terminate the descendants of this process that are in its process group."""
    group = os.getpgrp()
    members = {process.pid: process for process in processes() if process.group == group}
    descendants = {os.getpid()}
    while new := {pid for pid, each in members.items() if each.parent in descendants} - descendants:
        descendants |= new
    for pid in descendants - {os.getpid()}:
        members[pid].signal(signal.SIGTERM)


@contextmanager
def _signal_blocked(number: signal.Signals) -> Iterator[None]:
    """Block a signal in this thread during the context, so that a child process starts with the signal
    blocked.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
