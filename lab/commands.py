"""Commands that run on the machine, with a time limit and readable errors."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from lab.errors import LabError


def run(argv: Sequence[str], *, what: str, timeout: float = 10, stdin: str = "") -> str:
    """Run a command and return its standard output. `timeout` is in seconds.

    `what` is the subject of the error message, for example `w-1: network`. Raise LabError with the last line
    of the output if the command fails, is not installed, or exceeds the timeout.
    """
    try:
        result = subprocess.run(
            argv, capture_output=True, text=True, timeout=timeout, input=stdin, check=False
        )
    except FileNotFoundError as error:
        raise LabError(f"{what}: {argv[0]} is not installed; `kubewright lab doctor` says how") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{what}: {argv[0]} did not end within {timeout:g} s") from error
    if result.returncode:
        lines = (
            result.stderr.strip() or result.stdout.strip() or f"exit code {result.returncode}"
        ).splitlines()
        raise LabError(f"{what}: {argv[0]}: {lines[-1]}")
    return result.stdout


def launch(
    argv: Sequence[str], *, console: Path, environment: Mapping[str, str] = MappingProxyType({})
) -> subprocess.Popen[bytes]:
    """Start the first process of a host, in a session of its own. Its output goes to the file `console`."""
    with console.open("wb") as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
        )


def wait(condition: Callable[[], bool], *, timeout: float, pause: float = 0.01) -> bool:
    """Poll `condition` every `pause` seconds, for at most `timeout` seconds. Return whether it became true.

    tenacity is not used, because it retries on exceptions and this function waits for a value.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
