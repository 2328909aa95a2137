"""Becomes the engine: `python -I -S launch.py DRIVER COMMAND…`, with the driver's process number.

The kernel ends the engine with the driver, even one that was killed and could end nothing itself
(prctl(2), PR_SET_PDEATHSIG: it outlasts execve).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Never returns."""
    driver, *command = sys.argv[1:]
    # As in a new shell, whatever the driver's own parent ignored.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != int(driver):
        sys.exit(1)  # the driver is gone already
    # What came until now ends this program; the engine hears the rest.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    os.execv(command[0], command)


main()
