"""Becomes the engine: `python -I -S launch.py DRIVER PIPE COMMAND…`, with the driver's process number.

The engine leads its session and ends with the driver, even with one that was killed and could end nothing
itself: the kernel sees to the engine (prctl(2), PR_SET_PDEATHSIG: it outlasts execve), a guard to what the
engine started: of that its language host would stay for minutes. The guard reads from the descriptor PIPE:
a byte when the driver has seen the engine's end, nothing more when it was killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Never returns."""
    driver, pipe, *command = sys.argv[1:]
    # As in a new shell, whatever the driver's own parent ignored.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
    engine = os.getpid()
    if os.fork() == 0:
        _guard(int(pipe), engine)
        os._exit(0)
    os.close(int(pipe))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(driver):
        sys.exit(1)  # the driver is gone already
    # What came until now ends this program; the engine hears the rest.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    os.execv(command[0], command)


def _guard(pipe: int, engine: int) -> None:
    """Waits for the driver's word and, when there is none, ends what is left of the engine's session."""
    # The engine's pipes are not to be held open.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    if os.read(pipe, 1):
        return
    sys.dont_write_bytecode = True  # the checkout stays as it is
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from automation.engine.process import processes

    for process in processes():
        if process.session == engine and process.pid != os.getpid():
            process.signal(signal.SIGKILL)


main()
