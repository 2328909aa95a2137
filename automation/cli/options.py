"""Options and arguments that several commands share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from automation.errors import UserError

Stack = Annotated[str, typer.Option("--stack", "-s", help="Name of the stack: Pulumi.NAME.yaml.")]
"""The option for a single stack. Commands that remove or overwrite a cluster have no default stack."""

Stacks = Annotated[
    list[str] | None,
    typer.Option("--stack", "-s", help="Name of a stack: Pulumi.NAME.yaml. Repeatable.", show_default="dev"),
]
RequiredStacks = Annotated[
    list[str], typer.Option("--stack", "-s", help="Name of a stack: Pulumi.NAME.yaml. Repeatable.")
]
StackFile = Annotated[
    Path | None, typer.Option("--file", help="Path of the stack file, if it is not in this directory.")
]
AllStacks = Annotated[bool, typer.Option("--all", help="Select all stacks of this directory.")]
Host = Annotated[str, typer.Option("--host", help="Name of the host.")]
Hosts = Annotated[list[str], typer.Option("--host", help="Name of a host. Repeatable.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


def confirm(question: str, *, yes: bool) -> None:
    """Ask the question on the terminal and exit with code 1 unless the answer is yes.

    Return at once when `yes` is set. Raise UserError when standard input is not a terminal.
    """
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UserError(f"--yes: required without a terminal. To be confirmed: {question}")
    if not typer.confirm(question, err=True):
        print("not confirmed; nothing was changed", file=sys.stderr)
        raise typer.Exit(1)
