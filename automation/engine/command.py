"""The engine's command as the Automation API calls it, with an end: a time-out, an interrupt."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pulumi.automation import CommandResult, PulumiCommand
from pulumi.automation.errors import create_command_error

from automation.engine import interrupts
from automation.errors import UserError

_PATIENCE = 60.0
"""Seconds that an interrupted engine has for what it had begun, before it is ended."""


def pulumi(tools: Path) -> Path:
    """The engine in the directory of tools. Raises `UserError` where it is not."""
    found = tools / "pulumi"
    if not found.exists():
        raise UserError(f"{found}: not there; `./kubewright prepare` makes it, then run this again")
    return found


class TimedOut(Exception):
    """The time was up and the engine was told to end; what it had begun is recorded in the state."""


class EngineCommand(PulumiCommand):
    """Runs `pulumi`, ends it when the time is up.

    `deadline` is of `time.monotonic`, None without. Signals reach the engine by `interrupts`.
    Raises `UserError` where there is no engine.
    """

    def __init__(self, tools: Path, *, deadline: float | None = None) -> None:
        # The SDK wants the directory that has bin/pulumi in it.
        super().__init__(root=str(pulumi(tools).parent.parent))
        self._deadline = deadline
        self._process: subprocess.Popen[str] | None = None

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Callable[[str], object] | None = None,
        on_error: Callable[[str], object] | None = None,
    ) -> CommandResult:
        """As the SDK's. Raises its `CommandError`, `TimedOut`, and what `on_output` and `on_error` raise."""
        interrupts.check()
        line = [self.command, "--non-interactive", *args]
        environment = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        process = subprocess.Popen(
            line,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            process_group=0,
        )
        with process, interrupts.running(process):
            self._process = process
            wrong: list[Exception] = []
            said: tuple[list[str], list[str]] = ([], [])
            readers = [
                threading.Thread(target=_read, args=(stream, told, kept, wrong), daemon=True)
                for stream, told, kept in (
                    (process.stdout, on_output, said[0]),
                    (process.stderr, on_error, said[1]),
                )
            ]
            for reader in readers:
                reader.start()
            late = self._wait(process)
            for reader in readers:
                reader.join()
        result = CommandResult(stdout="\n".join(said[0]), stderr="\n".join(said[1]), code=process.returncode)
        if late:
            raise TimedOut
        if wrong:
            raise wrong[0]
        if result.code:
            raise create_command_error(result)
        return result

    def stop(self) -> None:
        """Asks the engine to end: it finishes what it has begun, and begins nothing more."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def _wait(self, process: subprocess.Popen[str]) -> bool:
        """Waits for the engine's end. True when the time was up before."""
        try:
            process.wait(None if self._deadline is None else max(0.0, self._deadline - time.monotonic()))
            return False
        except subprocess.TimeoutExpired:
            self.stop()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return True


def _read(
    stream: object, told: Callable[[str], object] | None, kept: list[str], wrong: list[Exception]
) -> None:
    """Reads to the end, whatever becomes of those who are told: an engine that nobody reads stands still."""
    for line in stream:  # type: ignore[attr-defined]  # a pipe
        kept.append(line.rstrip("\n"))
        if told is not None and not wrong:
            try:
                told(kept[-1])
            except Exception as error:
                wrong.append(error)
