"""Becomes the engine: `python -I -S launch.py DRIVER COMMAND…`, with the driver's process number.

The engine leads its session and ends with the driver, even with one that was killed and could end nothing
itself: the kernel sees to the engine (prctl(2), PR_SET_PDEATHSIG: it outlasts execve), a guard to what the
engine started. Of that its language host would stay for minutes.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LAST = 5.0
"""Seconds for a killed process to be gone as a whole."""


def main() -> None:
    """Never returns."""
    driver, *command = sys.argv[1:]
    # As in a new shell, whatever the driver's own parent ignored.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
    engine = os.getpid()
    if os.fork() == 0:
        _guard(int(driver), engine)
        os._exit(0)
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(driver):
        sys.exit(1)  # the driver is gone already
    # What came until now ends this program; the engine hears the rest.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    os.execv(command[0], command)


def _guard(driver: int, engine: int) -> None:
    """Waits for the driver's end and ends what is left of the engine's session; goes with the engine."""
    # The engine's pipes are not to be held open.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    try:
        ends = [os.pidfd_open(driver), os.pidfd_open(engine)]
    except OSError:
        return  # one of them is gone already, or the kernel is older than 5.3
    select.select(ends, [], [])
    # Of a driver that is killed the thread goes first that began the engine, and the engine with it.
    if not select.select(ends[:1], [], [], _LAST)[0]:
        return
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from automation.engine.process import processes

    for process in processes():
        if process.session == engine and process.pid != os.getpid():
            process.signal(signal.SIGKILL)


main()
