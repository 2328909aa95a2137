"""Running commands: bounded in time, their whole output kept, failures told with their last lines."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TAIL = 60
"""Lines of output shown when a command fails."""


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ended."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """Everything it said."""
        return self.stdout + self.stderr


class CommandFailed(AssertionError):
    """A command ended with another code than 0, or not in time."""

    def __init__(self, argv: Sequence[str], why: str, output: str) -> None:
        tail = "\n".join(output.splitlines()[-TAIL:])
        super().__init__(f"{' '.join(argv)[:400]}: {why}\n{tail}")


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    check: bool = True,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Done:
    """Runs a command to its end and returns what it said.

    `timeout` is in seconds; a command that takes longer is killed with everything it started.
    `env` is added to the environment. Raises `CommandFailed` on the time-out and, with `check`,
    when the exit code is not 0.
    """
    words = [str(word) for word in argv]
    process = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, **(env or {})},
        cwd=cwd,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        kill_group(process)
        stdout, stderr = process.communicate()
        raise CommandFailed(words, f"not done after {timeout:.0f} s", stdout + stderr) from None
    if check and process.returncode:
        raise CommandFailed(words, f"exit code {process.returncode}", stdout + stderr)
    return Done(argv=tuple(words), code=process.returncode, stdout=stdout, stderr=stderr)


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kills (SIGKILL) a process that was started as its own session, with its children.

    Of a driver that is killed the engine ends, too, in its own session (`automation.engine.launch`).
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
