"""Running the Pulumi engine on a stack's work directory."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from automation.engine import backend, checkpoint, interrupts, locks, output_filter
from automation.engine.command import engine_program
from automation.engine.interrupts import Interrupted
from automation.environment import Environment
from automation.errors import UserError
from automation.workspace import Workspace

PROJECT = "kubewright"


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine, for one stack."""

    environment: Environment
    workspace: Workspace

    def variables(self) -> dict[str, str]:
        """The environment that it runs in; colours where somebody looks, unless the caller says otherwise."""
        variables = self.environment.variables()
        variables.setdefault("PULUMI_OPTION_COLOR", "always" if os.isatty(1) else "never")
        return variables

    def run(self, command: str, *arguments: str, redact: Callable[[str], str] = str) -> int:
        """Runs `pulumi <command>` on the stack with its output shown through `redact`; returns its exit code.

        Raises `Interrupted` when a signal ended it; the stack is free then.
        """
        line = self._line(command, *arguments)
        try:
            with interrupts.current().engine(
                line, **self._options(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            ) as process:
                _show(process.popen, redact)
                process.popen.wait()
        except Interrupted:
            self.free()
            raise
        return process.popen.returncode

    def capture(self, command: str, *arguments: str) -> str:
        """Runs `pulumi <command>` and returns its standard output.

        Raises `UserError` with the engine's own words when it fails, and `Interrupted`.
        """
        line = self._line(command, *arguments)
        with interrupts.current().engine(
            line, **self._options(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            output, errors = process.popen.communicate()
        if process.popen.returncode:
            raise UserError(f"stack {self.workspace.stack}: {(errors or output).strip()}")
        return str(output)

    def restore(self, state: str) -> None:
        """Replaces the stack's state by one that was exported. Raises `UserError` with the engine's words."""
        file = self.workspace.directory / "state.json"
        file.touch(mode=0o600)
        try:
            file.write_text(state)
            self.capture("stack import", "--file", str(file))
        finally:
            file.unlink()

    def state_digest(self) -> str:
        """SHA-256 of the stack's state as it is kept, secrets encrypted, in hexadecimal digits.

        Every update makes it another, even one that changes no resource; previews leave it. Raises
        `UserError`.
        """
        with TemporaryDirectory(dir=self.workspace.directory, prefix="state-") as directory:
            # The state of a thousand hosts is too large to be held in memory beside the rest.
            file = Path(directory) / "state.json"
            self.capture("stack export", "--file", str(file))
            with file.open("rb") as content:
                return hashlib.file_digest(content, "sha256").hexdigest()

    def select(self) -> None:
        """Makes the stack where it does not exist yet, and frees it of a killed engine's lock.

        Raises `UserError` when somebody else works on it.
        """
        self.free()
        self.capture("stack select", "--create")

    def remove(self) -> None:
        """Forgets the stack with everything in its state; nothing is deleted on hosts.

        Raises `UserError` when somebody else works on it.
        """
        self.free()
        try:
            self.capture("stack rm", "--yes", "--force", "--preserve-config")
        except UserError as error:
            if "no stack named" not in str(error):
                raise

    def output(self, name: str) -> str:
        """The stack's text output of that name, secrets shown. Raises `UserError` without a deployment."""
        outputs: dict[str, str] = json.loads(self.capture("stack output", "--json", "--show-secrets"))
        if name not in outputs:
            raise UserError(f"stack {self.workspace.stack}: no output `{name}` yet; run `make up` first")
        return outputs[name]

    def free(self) -> None:
        """Clears up behind a killed engine. Raises `UserError` when somebody else works on the stack."""
        root = backend.state_directory(self.environment.variables()["PULUMI_BACKEND_URL"])
        if root is not None:
            locks.remove_stale_locks(root=root, project=PROJECT, stack=self.workspace.stack)
            checkpoint.repair(root=root, project=PROJECT, stack=self.workspace.stack)

    def _line(self, command: str, *arguments: str) -> list[str]:
        return [
            str(engine_program(self.environment.tools)),
            *command.split(),
            "--stack",
            self.workspace.stack,
            "--non-interactive",
            *arguments,
        ]

    def _options(self) -> dict[str, Any]:
        return {"cwd": self.workspace.directory, "env": self.variables(), "stdin": subprocess.DEVNULL}


def _show(process: subprocess.Popen[str], redact: Callable[[str], str]) -> None:
    assert process.stdout is not None
    for line in output_filter.filter_lines(process.stdout):
        print(redact(line), end="", flush=True)
