"""Runs engine commands that edit a stack file.

The command runs on a copy of the stack file in a temporary directory. Its changes are then written to the
stack file. The command does not run in the work directory, because the stack file there is merged with its
bases. The engine keeps the comments of the file that it edits.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from automation import stack_file
from automation.engine import interrupts
from automation.engine.command import engine_executable
from automation.engine.program import Engine
from automation.errors import UserError
from automation.workspace import PROJECT

_CONFIG_EDITS = ("set", "set-all", "rm", "remove", "rm-all", "remove-all", "env")
_CONFIG_REFUSED = {
    "cp": "not supported, because the engine edits a copy of the stack file; set the values again with "
    "`config set`",
    "refresh": "not supported, because it would copy the settings of the bases into the stack file; edit the "
    "file instead",
}
_ALIASES = {"copy": "cp"}


def edits_stack_file(command: str, arguments: Sequence[str]) -> bool:
    """Check whether an engine command edits the stack file.

    Raise `UserError` for a command that does not work on a copy of the file.
    """
    subcommand = next((word for word in arguments if not word.startswith("-")), "")
    if command == "config":
        reason = _CONFIG_REFUSED.get(_ALIASES.get(subcommand, subcommand))
        if reason:
            raise UserError(f"config {subcommand}: {reason}")
        return subcommand in _CONFIG_EDITS
    return command == "stack" and subcommand == "change-secrets-provider"


def edit_stack_file(
    engine: Engine,
    command: str,
    arguments: Sequence[str],
    value: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> int:
    """Run an engine command on a copy of the stack file, and write its changes to the stack file.

    `value` is the standard input of the engine. By default the engine reads the standard input of this
    process, or nothing if that is a terminal. `variables` are added to the environment of the engine.

    Return the exit code of the engine. If the stack file is not writable, raise `UserError` before the
    engine runs.
    """
    source = engine.workspace.source
    if source is None:
        raise UserError(f"stack {engine.workspace.stack}: no stack file; name the file with --file")
    stack_file.require_writable(source)
    original = source.read_text()
    with TemporaryDirectory(dir=engine.workspace.directory, prefix="edit-") as directory:
        (Path(directory) / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
        copy = Path(directory) / engine.workspace.merged_stack_file.name
        copy.touch(mode=0o600)
        copy.write_text(original)
        stack_file.write_encryption_keys(copy, engine.workspace.encryption_keys)
        unchanged = copy.read_text()
        code = _run(engine, Path(directory), [command, *arguments], value, variables or {})
        edited = copy.read_text()
    if edited != unchanged:
        if source.read_text() != original:
            raise UserError(f"{source.name}: changed while the engine edited a copy; run the command again")
        if command == "config" and not stack_file.needs_encryption_keys(original):
            edited = stack_file.without_unused_salt(edited)
        stack_file.replace_text(source, edited)
    return code


def change_secrets_provider(engine: Engine, provider: str, passphrase: str) -> int:
    """Encrypt the secrets of a stack again, with another secrets provider.

    `passphrase` is the new passphrase for the provider `passphrase`; it is empty for all other providers. The
    engine reads a new passphrase from standard input when it replaces a passphrase, and from the environment
    when it replaces a key. Return the exit code of the engine.
    """
    has_passphrase = engine.workspace.has_passphrase(engine.variables()["PULUMI_BACKEND_URL"])
    variables = {"PULUMI_CONFIG_PASSPHRASE": passphrase} if passphrase and not has_passphrase else {}
    return edit_stack_file(engine, "stack", ["change-secrets-provider", provider], passphrase, variables)


def _run(
    engine: Engine, directory: Path, words: Sequence[str], value: str | None, variables: Mapping[str, str]
) -> int:
    """Run the engine in a directory and print its output. Return its exit code."""
    executable = str(engine_executable(engine.environment.tools))
    command_line = [executable, *words, "--stack", engine.workspace.stack, "--non-interactive"]
    options: dict[str, Any] = {"cwd": directory, "env": {**engine.variables(), **variables}}
    if value is None:
        options["stdin"] = subprocess.DEVNULL if sys.stdin is None or sys.stdin.isatty() else sys.stdin
    else:
        options["stdin"] = subprocess.PIPE
    with interrupts.current_shutdown().start_engine(
        command_line, **options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        output, _ = process.popen.communicate(value)
    print(output, end="", flush=True)
    return process.popen.returncode
