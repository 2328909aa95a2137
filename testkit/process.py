"""Helper that runs commands with a time limit, collects their output, and reports failures with their last
lines.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TAIL = 60
"""The number of output lines in the error of a failed command."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The result of a command."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """Return the output of both streams."""
        return self.stdout + self.stderr


class CommandFailed(AssertionError):
    """The error of a command that failed or exceeded its time limit."""

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
) -> CommandResult:
    """Run a command and return its result.

    `timeout` is in seconds; after that time the command is killed with all its child processes. `env` is
    added to the environment. Raise CommandFailed on a time-out and, with `check`, when the exit code is not
    0.
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
        raise CommandFailed(words, f"not finished after {timeout:.0f} s", stdout + stderr) from None
    if check and process.returncode:
        raise CommandFailed(words, f"exit code {process.returncode}", stdout + stderr)
    return CommandResult(argv=tuple(words), code=process.returncode, stdout=stdout, stderr=stderr)


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill (SIGKILL) a process that was started in a separate session, with its child processes.

    The engine of a killed driver also ends, although it has a separate session
    (`automation.engine.launch`).
    """
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def running(argv: Sequence[str | Path], *, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a program beside the block, with pipes for its output. Kill it after the block."""
    process = subprocess.Popen(
        [str(word) for word in argv],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
