"""Run commands of the machine, with a time limit and readable errors."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence

from lab.errors import LabError


def run(argv: Sequence[str], *, what: str, timeout: float = 10, stdin: str = "") -> str:
    """Run a command and return its output. `what` starts the error message; `timeout` in seconds.

    Raises LabError with the last line of the command's output.
    """
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, input=stdin, check=False)
    except FileNotFoundError as error:
        raise LabError(f"{what}: {argv[0]} is not installed; `kubewright lab doctor` says how") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{what}: {argv[0]} did not end within {timeout:g} s") from error
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
        raise LabError(f"{what}: {argv[0]}: {lines[-1]}")
    return done.stdout


def wait(condition: Callable[[], bool], *, timeout: float, pause: float = 0.01) -> bool:
    """Poll `condition` every `pause` seconds until it is true, for at most `timeout` seconds. Return the
    result.

    tenacity is not used, because it retries on exceptions and this function waits for a value.
    """
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True
