"""Helper that runs a command on a terminal and answers its question."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from testkit.process import CommandResult


def answer_on_terminal(
    argv: Sequence[str], reply: bytes, *, cwd: Path, env: Mapping[str, str] | None = None
) -> CommandResult:
    """Run a command whose standard input is a terminal, and type `reply`.

    `env` has variables in addition to those of this process. The command has 60 seconds.
    """
    terminal, inner = pty.openpty()
    try:
        process = subprocess.Popen(
            argv,
            stdin=inner,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env=os.environ | dict(env or {}),
        )
        os.close(inner)
        os.write(terminal, reply)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        os.close(terminal)
    return CommandResult(argv=tuple(argv), code=process.returncode, stdout=stdout, stderr=stderr)
