"""Runs the Pulumi engine on one stack, in the work directory of the stack."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from pulumi.automation import LocalWorkspace, Stack
from pulumi.automation.errors import CommandError

from automation.emulated_cloud import deployer_variables
from automation.engine import backend, checkpoint, interrupts, locks, output_filter
from automation.engine.command import EngineCommand, engine_executable
from automation.engine.interrupts import Interrupted
from automation.environment import Environment
from automation.errors import UserError
from automation.workspace import POST_RENDERERS, PROJECT, Workspace
from settings.secret_paths import STACK_DIRECTORY

_T = TypeVar("_T")

_MANY_HOSTS = 200
"""Number of hosts from which the engine saves memory instead of processor time. The state takes up most of
the heap and is never freed, and by default Go lets the heap double. With GOGC=25 a preview of a stack of
1,000 hosts uses 140 MiB less memory and 5 % more processor time, but a small `up` uses a quarter more
processor time.
"""
NO_REASON = "the engine failed without giving a reason"


@dataclass(frozen=True, slots=True)
class Engine:
    """The Pulumi engine, run on one stack in the work directory of the stack.

    `more_variables` are added to the environment variables of the engine.
    """

    environment: Environment
    workspace: Workspace
    more_variables: Mapping[str, str] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        """Return the environment variables of the engine.

        On a terminal the variables enable colors, unless the caller set the color variables. Raise the
        errors of `backend.backend_variables`.
        """
        variables = self.environment.variables()
        variables |= backend.backend_variables(self.environment, self.workspace, os.environ)
        variables |= deployer_variables(self.workspace)
        variables[STACK_DIRECTORY] = str(self.workspace.directory)
        # Programs that the plugin runs for Helm: `components.addons.post_renderers`.
        variables["PATH"] += f"{os.pathsep}{self.workspace.directory / POST_RENDERERS}"
        if self.workspace.host_count >= _MANY_HOSTS:
            variables.setdefault("GOGC", "25")
        variables.setdefault("PULUMI_OPTION_COLOR", "always" if os.isatty(1) else "never")
        return {**variables, **self.more_variables}

    def run(self, command: str, *arguments: str, redact: Callable[[str], str] = str) -> int:
        """Run `pulumi <command>` on the stack and print each line of its output after `redact`.

        Return the exit code. After a signal, unlock the stack and raise `Interrupted`.
        """
        command_line = self._command_line(command, *arguments)
        with self._recovering(), self._started(command_line, stderr=subprocess.STDOUT) as process:
            _print_output(process, redact)
            process.wait()
        return process.returncode

    def execute(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `pulumi <command>` on the stack and return its exit code, standard output and error output.

        After a signal, unlock the stack and raise `Interrupted`.
        """
        command_line = self._command_line(command, *arguments)
        with self._recovering(), self._started(command_line, stderr=subprocess.PIPE) as process:
            output, errors = process.communicate()
        return subprocess.CompletedProcess(command_line, process.returncode, output, errors)

    @contextmanager
    def _started(self, command_line: list[str], *, stderr: int) -> Iterator[subprocess.Popen[str]]:
        """Start the engine, and yield its process. Raise `Interrupted` after a signal."""
        with interrupts.current_shutdown().start_engine(
            command_line, **self._process_options(), stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as process:
            yield process.popen

    @contextmanager
    def _recovering(self) -> Iterator[None]:
        """Unlock the stack after a signal."""
        try:
            yield
        except Interrupted:
            self.recover()
            raise

    def capture(self, command: str, *arguments: str) -> str:
        """Run `pulumi <command>` and return its standard output.

        Raise `UserError` with the engine's message when the command fails, and `Interrupted` after a
        signal.
        """
        command_line = self._command_line(command, *arguments)
        with self._started(command_line, stderr=subprocess.PIPE) as process:
            output, errors = process.communicate()
        if process.returncode:
            raise UserError(f"stack {self.workspace.stack}: {(errors or output).strip()}")
        return str(output)

    def automation_workspace(self, command: EngineCommand | None = None) -> LocalWorkspace:
        """Return the work directory of the stack as a workspace of the Automation API."""
        return LocalWorkspace(
            work_dir=str(self.workspace.directory),
            env_vars=self.variables(),
            secrets_provider=self.workspace.secrets_provider or None,
            pulumi_command=command or EngineCommand(self.environment.tools),
        )

    def export_state(self) -> dict[str, Any]:
        """Return the state of the stack, with secrets in plain text.

        Raise `UserError` with the engine's message when the export fails.
        """
        state = self._call(lambda workspace: workspace.export_stack(self.workspace.stack))
        return {"version": state.version, "deployment": state.deployment}

    def import_state(self, state: str) -> None:
        """Replace the state of the stack with an exported state (JSON). Its secrets can be encrypted.

        This method does not use the Automation API, which would write secrets in plain text to a file in
        /tmp, and would leave the file there when the import fails. Raise `UserError` with the engine's
        message when the import fails.
        """
        file = self.workspace.directory / "state.json"
        file.touch(mode=0o600)
        try:
            file.write_text(state)
            self.capture("stack import", "--file", str(file))
        finally:
            file.unlink()

    @contextmanager
    def state_file(self) -> Iterator[Path]:
        """Yield the path of a file with the state of the stack. The caller must not change the file.

        Secrets in the file are encrypted. For a file backend, yield the file of the backend, because an
        export takes as long as a small preview. Raise `UserError` with the engine's message when the export
        fails.
        """
        root = backend.state_directory(self.variables()["PULUMI_BACKEND_URL"])
        if root is not None:
            stored = checkpoint.state_file(root=root, project=PROJECT, stack=self.workspace.short_name)
            if stored.exists():
                yield stored
                return
        with self._exported_state_file() as file:
            yield file

    def state_digest(self) -> str:
        """Return the SHA-256 digest of the exported state, in hexadecimal. Secrets are encrypted in it.

        Every update changes the digest, even an update that changes no resource. Previews do not change the
        digest. Raise `UserError` with the engine's message when the export fails.
        """
        with self._exported_state_file() as file, file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()

    def select(self) -> None:
        """Create the stack if it does not exist, and remove the lock of a killed engine.

        Write generated encryption keys into the stack file if the file needs them. Raise `UserError` when the
        stack is in use.
        """
        self.recover()
        self._call(lambda workspace: Stack.create_or_select(self.workspace.stack, workspace))
        self.workspace.save_encryption_keys()

    def remove_stack(self) -> None:
        """Remove the stack and its state. The engine does not change hosts or other resources.

        Raise `UserError` when the stack is in use.
        """
        self.recover()
        try:
            self._call(
                lambda workspace: workspace.remove_stack(
                    self.workspace.stack, force=True, preserve_config=True
                )
            )
        except UserError as error:
            if "no stack named" not in str(error):
                raise

    def read_output(self, name: str) -> str:
        """Return the stack output `name` as text. The text is in plain text, even if the output is secret.

        Raise `UserError` when the stack has no such output, for example before the first `up`.
        """
        outputs = json.loads(self.capture("stack output", "--json", "--show-secrets"))
        if name not in outputs:
            raise UserError(f"stack {self.workspace.stack}: no output `{name}`; run `make up` first")
        return str(outputs[name])

    def _call(self, call: Callable[[LocalWorkspace], _T]) -> _T:
        """Return the result of a call of the Automation API.

        Raise `UserError` with the engine's message when the call fails, and `Interrupted` after a signal.
        """
        command = EngineCommand(self.environment.tools)
        try:
            return call(self.automation_workspace(command))
        except CommandError:
            message = command.error_message() or NO_REASON
            raise UserError(f"stack {self.workspace.stack}: {message}") from None

    def recover(self) -> None:
        """Remove the lock of a killed engine and repair the state.

        Raise `UserError` when the stack is in use.
        """
        root = backend.state_directory(self.variables()["PULUMI_BACKEND_URL"])
        if root is not None:
            locks.remove_stale_locks(root=root, project=PROJECT, stack=self.workspace.short_name)
            checkpoint.repair_state(root=root, project=PROJECT, stack=self.workspace.short_name)

    @contextmanager
    def _exported_state_file(self) -> Iterator[Path]:
        """Export the state to a temporary file, because the state of 1,000 hosts needs too much memory."""
        with TemporaryDirectory(dir=self.workspace.directory, prefix="state-") as directory:
            file = Path(directory) / "state.json"
            self.capture("stack export", "--file", str(file))
            yield file

    def _command_line(self, command: str, *arguments: str) -> list[str]:
        return [
            str(engine_executable(self.environment.tools)),
            *command.split(),
            "--stack",
            self.workspace.stack,
            "--non-interactive",
            *arguments,
        ]

    def _process_options(self) -> dict[str, Any]:
        return {"cwd": self.workspace.directory, "env": self.variables(), "stdin": subprocess.DEVNULL}


def _print_output(process: subprocess.Popen[str], redact: Callable[[str], str]) -> None:
    assert process.stdout is not None
    for line in output_filter.filter_lines(process.stdout):
        print(redact(line), end="", flush=True)
