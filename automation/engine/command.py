"""The engine's command as the Automation API calls it, with an end: a time-out, an interrupt."""

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

_PATIENCE = 60.0
"""Seconds that an engine whose time is up has for what it had begun, before it is ended."""
_LAST = 20
"""Lines of an engine's standard output, where it says nothing on its standard error."""


def engine_program(tools: Path) -> Path:
    """The engine in the directory of tools. Raises `UserError` where it is not."""
    found = tools / "pulumi"
    if not found.exists():
        raise UserError(f"{found}: not there; `./kubewright prepare` makes it, then run this again")
    return found


class TimedOut(Exception):
    """The time was up and the engine was told to end; what it had begun is recorded in the state."""


class EngineCommand(PulumiCommand):
    """Runs `pulumi`, ends it when the time is up.

    `deadline` is of `time.monotonic`, None without. Signals reach the engine by `engine.interrupts`. Raises
    `UserError` where there is no engine. `failed` is the last call that did.
    """

    def __init__(self, tools: Path, *, deadline: float | None = None) -> None:
        # The SDK wants the directory that has bin/pulumi in it.
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
        """As the SDK's. Raises its `CommandError`, `TimedOut` and `Interrupted`."""
        line = [self.command, "--non-interactive", *args]
        environment = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        said: tuple[list[str], list[str]] = ([], [])
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
                _PipeReader(process.popen.stdout, on_output, said[0]),
                _PipeReader(process.popen.stderr, on_error, said[1]),
            ]
            for reader in readers:
                reader.start()
            late = self._wait(process)
            process.close()
            for reader in readers:
                reader.join()
        for reader in readers:
            if reader.failure is not None:
                raise reader.failure
        code = process.popen.returncode
        result = CommandResult(stdout="\n".join(said[0]), stderr="\n".join(said[1]), code=code)
        if late:
            raise TimedOut
        if code:
            self.failed = result
            raise create_command_error(result)
        return result

    def _wait(self, process: EngineProcess) -> bool:
        """Waits for the engine's end. True when the time was up before."""
        try:
            process.popen.wait(
                None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
            )
            return False
        except subprocess.TimeoutExpired:
            process.interrupt(_PATIENCE)
        process.popen.wait()
        return True

    def words(self) -> str:
        """Why the last call that failed did, in the engine's words; without colours, any number of lines."""
        if self.failed is None:
            return ""
        said = strip_formatting(self.failed.stderr) or "\n".join(strip_formatting(self.failed.stdout).splitlines()[-_LAST:])
        return said.removeprefix("error: ")


class _PipeReader(threading.Thread):
    """Reads one of the engine's pipes to its end: an engine that is not read stops in the midst of its work.

    `failure` is what whoever was told raised; from then on nobody is told, and all is kept.
    """

    def __init__(self, pipe: IO[str] | None, told: Callable[[str], object] | None, kept: list[str]) -> None:
        super().__init__(daemon=True)
        assert pipe is not None
        self._pipe = pipe
        self._told = told
        self._kept = kept
        self.failure: Exception | None = None

    def run(self) -> None:
        """Ends with the engine."""
        for line in self._pipe:
            text = line.rstrip("\n")
            self._kept.append(text)
            if self._told is None or self.failure is not None:
                continue
            try:
                self._told(text)
            except Exception as error:
                self.failure = error
