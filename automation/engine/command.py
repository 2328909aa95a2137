"""Runs the engine for the Pulumi Automation API, with a time limit and interrupts."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import IO

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error

from automation.engine import interrupts
from automation.engine.output_filter import strip_formatting
from automation.engine.process import EngineProcess
from automation.engine.time_limit import TimeLimit
from automation.errors import UserError

_TIMEOUT_GRACE = 60.0
"""Seconds between the interrupt at the time limit and the kill. In this time the engine finishes running
operations.
"""
_MAX_ERROR_LINES = 20
"""Maximum number of lines in an error message that is taken from the end of standard output."""


def engine_executable(tools: Path) -> Path:
    """Return the path of the engine in the directory `tools`. Raise `UserError` if the engine is missing."""
    program = tools / "pulumi"
    if not program.exists():
        raise UserError(f"{program}: missing; run `./kubewright prepare`, then run this command again")
    return program


@cache
def _checked_command(program: Path) -> PulumiCommand:
    """Return the SDK's command for the engine, after a check that the SDK supports the engine's version."""
    # The SDK expects the directory that contains bin/pulumi.
    return PulumiCommand(root=str(program.parent.parent))


class EngineTimeout(Exception):
    """Error for an engine that was interrupted at its time limit.

    The state records the operations that the engine had started.
    """


class EngineCommand(PulumiCommand):
    """A command of the Automation API that runs the engine within a time limit.

    The module `engine.interrupts` forwards signals to the engine. The constructor raises `UserError` when the
    engine is missing. `failed_result` is the result of the last engine run that failed, or None.
    """

    def __init__(self, tools: Path, *, time_limit: TimeLimit | None = None) -> None:
        # The constructor of the SDK would run `pulumi version` each time.
        prototype = _checked_command(engine_executable(tools))
        self.command = prototype.command
        self.version = prototype.version
        self._time_limit = time_limit or TimeLimit()
        self.failed_result: CommandResult | None = None

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], object] | None = None,
        on_error: Callable[[str], object] | None = None,
    ) -> CommandResult:
        """Run `pulumi` with the arguments `args` (an override of `PulumiCommand.run` of the SDK).

        `on_output` and `on_error` receive each line of standard output and standard error.

        Raise `CommandError` of the SDK, `EngineTimeout` or `Interrupted`.
        """
        command_line = [self.command, "--non-interactive", *args]
        environment = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        output: list[str] = []
        errors: list[str] = []
        with interrupts.current_shutdown().start_engine(
            command_line,
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
            timed_out = self._wait_within_time_limit(process)
            process.close()
            for reader in readers:
                reader.join()
        for reader in readers:
            if reader.failure is not None:
                raise reader.failure
        code = process.popen.returncode
        result = CommandResult(stdout="\n".join(output), stderr="\n".join(errors), code=code)
        if timed_out:
            raise EngineTimeout
        if code:
            self.failed_result = result
            raise create_command_error(result)
        return result

    def _wait_within_time_limit(self, process: EngineProcess) -> bool:
        """Wait until the engine ends. Return True when the time limit interrupted the engine."""
        while process.popen.poll() is None:
            remaining = self._time_limit.remaining()
            if remaining is not None and remaining <= 0:
                self._time_limit.expire()
                process.interrupt(_TIMEOUT_GRACE)
                process.popen.wait()
                return True
            try:
                process.popen.wait(remaining)
            except subprocess.TimeoutExpired:
                continue  # progress may have extended the limit
        return False

    def error_message(self) -> str:
        """Return the error message of the last failed run of the engine; empty if no run failed.

        The message can have several lines and contains no colors.
        """
        if self.failed_result is None:
            return ""
        message = strip_formatting(self.failed_result.stderr) or "\n".join(
            strip_formatting(self.failed_result.stdout).splitlines()[-_MAX_ERROR_LINES:]
        )
        return message.removeprefix("error: ")


class _PipeReader(threading.Thread):
    """A thread that reads one output pipe of the engine to its end.

    An unread pipe would block the engine. `failure` is the first exception that the callback raised. After
    a failure the callback is not called again, but the thread still reads and collects all lines.
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
        """Collect lines and pass each line to the callback, until the engine closes the pipe."""
        for line in self._pipe:
            text = line.rstrip("\n")
            self._lines.append(text)
            if self._callback is None or self.failure is not None:
                continue
            try:
                self._callback(text)
            except Exception as error:
                self.failure = error
