"""Commands for the state of a stack: `state backup` and `state restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automation.cli.options import Stack, StackFile
from automation.environment import environment
from automation.operations.target import find_target

PANEL = "Repair and recover"
_state = typer.Typer(no_args_is_help=True, help="Save the state of a stack, and restore it when it is lost.")


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.add_typer(_state, name="state", rich_help_panel=PANEL)


@_state.command()
def backup(
    stack: Stack = "dev",
    file: StackFile = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Path of the new file.", show_default="with the state")
    ] = None,
) -> None:
    """Save the state in a file. Its secrets are encrypted by the secrets provider of the stack."""
    from automation.operations import state_backup as operation

    operation.backup(find_target(environment(), stack, file, machines=False), to)


@_state.command()
def restore(
    stack: Stack,
    saved: Annotated[Path, typer.Option("--from", help="File that `state backup` wrote.")],
    file: StackFile = None,
) -> None:
    """Restore a lost state from a file. A state with resources is not replaced."""
    from automation.operations import state_backup as operation

    operation.restore(find_target(environment(), stack, file, machines=False), saved)
