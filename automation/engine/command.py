"""The engine's command for the Automation API, with a time limit and interrupts."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error

from automation.engine import interrupts
from automation.engine.output_filter import strip_formatting
from automation.engine.process import EngineProcess
from automation.errors import UserError

_TIMEOUT_GRACE = 60.0
"""Seconds that an engine has to finish running operations after its time limit, before it is killed."""
_SHOWN_LINES = 20
"""Last lines of standard output that explain a failure when standard error is empty."""


def engine_program(tools: Path) -> Path:
    """Return the engine in the directory of tools. Raises `UserError` when it is missing."""
    program = tools / "pulumi"
    if not program.exists():
        raise UserError(f"{program}: missing; install it with `./kubewright prepare`, then run this again")
    return program


class TimedOut(Exception):
    """The engine was interrupted at its time limit. The state records the operations that it had started."""


class EngineCommand(PulumiCommand):
    """Runs `pulumi` and ends it at a deadline.

    `deadline` is a time of `time.monotonic`; None: no limit. Signals reach the engine by `engine.interrupts`.
    Raises `UserError` when the engine is missing. `failed` is the result of the last call that failed.
    """

    def __init__(self, tools: Path, *, deadline: float | None = None) -> None:
        # The SDK expects the directory that contains bin/pulumi.
        super().__init__(root=str(engine_program(tools).parent.parent))
        self._deadline = deadline
        self.failed: CommandResult | None = None

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], object] | None = None,
        on_error: Callable[[str], object] | None = None,
    ) -> CommandResult:
        """Run the engine as the SDK does. Raises `CommandError` of the SDK, `TimedOut` and `Interrupted`."""
        line = [self.command, "--non-interactive", *args]
        environment = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        output: list[str] = []
        errors: list[str] = []
        with interrupts.current().engine(
            line,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        ) as process:
            readers = [
                _PipeReader(process.popen.stdout, on_output, output),
                _PipeReader(process.popen.stderr, on_error, errors),
            ]
            for reader in readers:
                reader.start()
            timed_out = self._wait(process)
            process.close()
            for reader in readers:
                reader.join()
        for reader in readers:
            if reader.failure is not None:
                raise reader.failure
        code = process.popen.returncode
        result = CommandResult(stdout="\n".join(output), stderr="\n".join(errors), code=code)
        if timed_out:
            raise TimedOut
        if code:
            self.failed = result
            raise create_command_error(result)
        return result

    def _wait(self, process: EngineProcess) -> bool:
        """Wait for the engine to end. Return True when it had to be interrupted at the deadline."""
        try:
            process.popen.wait(
                None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
            )
            return False
        except subprocess.TimeoutExpired:
            process.interrupt(_TIMEOUT_GRACE)
        process.popen.wait()
        return True

    def error_message(self) -> str:
        """Return the engine's message of the last failed call, without colors; any number of lines."""
        if self.failed is None:
            return ""
        message = strip_formatting(self.failed.stderr) or "\n".join(
            strip_formatting(self.failed.stdout).splitlines()[-_SHOWN_LINES:]
        )
        return message.removeprefix("error: ")


class _PipeReader(threading.Thread):
    """Reads one of the engine's pipes to its end: an engine blocks when its output is not read.

    `failure` is the first exception of the callback. After it the callback is not called again, but all lines
    are still read and collected.
    """

    def __init__(
        self, pipe: IO[str] | None, callback: Callable[[str], object] | None, lines: list[str]
    ) -> None:
        super().__init__(daemon=True)
        assert pipe is not None
        self._pipe = pipe
        self._callback = callback
        self._lines = lines
        self.failure: Exception | None = None

    def run(self) -> None:
        """Read until the engine closes the pipe."""
        for line in self._pipe:
            text = line.rstrip("\n")
            self._lines.append(text)
            if self._callback is None or self.failure is not None:
                continue
            try:
                self._callback(text)
            except Exception as error:
                self.failure = error
