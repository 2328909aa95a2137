"""Launcher that becomes the engine: `python -I -S launch.py DRIVER PIPE COMMAND...`; DRIVER is a process
ID.

The engine leads a new session and ends together with the driver, even when the driver is killed: the kernel
then kills the engine (prctl(2), PR_SET_PDEATHSIG, which survives execve). A guard process kills the
processes that the engine started, because the language host of the engine would otherwise run on for
minutes. The guard reads from the file descriptor PIPE. A byte means that the driver has seen the end of the
engine. End of file means that the driver was killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Start the guard process and become the engine. This function never returns."""
    driver, pipe, *command = sys.argv[1:]
    # Restore the default signal handlers, because the parent of the driver may ignore signals.
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
        sys.exit(1)  # the driver has already ended
    # A signal that arrived until now ends this program. The engine receives later signals.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    os.execv(command[0], command)


def _guard(pipe: int, engine: int) -> None:
    """Wait until the driver writes a byte into the pipe or the pipe is closed.

    When the pipe is closed without a byte, the driver was killed: kill all processes that remain in the
    session of the engine.
    """
    # The guard must not keep the engine's pipes open.
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    if os.read(pipe, 1):
        return
    sys.dont_write_bytecode = True  # do not write into the checkout
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from automation.engine.process import processes

    for process in processes():
        if process.session == engine and process.pid != os.getpid():
            process.signal(signal.SIGKILL)


main()
