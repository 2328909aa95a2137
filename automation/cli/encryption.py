"""Commands for the encryption of objects in etcd: `encryption`, `encryption rewrite`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automation.cli.options import Stack, StackFile
from automation.environment import environment
from automation.operations.target import Target, find_target

PANEL = "Look at a cluster"
_encryption = typer.Typer(invoke_without_command=True)


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.add_typer(_encryption, name="encryption", rich_help_panel=PANEL)


@_encryption.callback()
def encryption(context: typer.Context, stack: Stack = "dev", file: StackFile = None) -> None:
    """Show how objects in etcd are encrypted, or `rewrite` them; fail if an object is outdated."""
    from automation.operations import encryption as operation

    if context.invoked_subcommand is None:
        raise typer.Exit(operation.show(find_target(environment(), stack, file, machines=False)))


@_encryption.command()
def rewrite(
    context: typer.Context,
    stack: Annotated[
        str | None,
        typer.Option("--stack", "-s", help="Name of the stack: Pulumi.NAME.yaml.", show_default="dev"),
    ] = None,
    file: StackFile = None,
) -> None:
    """Write objects to etcd again, so that the current key or plugin encrypts them.

    The content of objects does not change. Run the command before the stage `done`, and after a failure.
    """
    from automation.operations import encryption as operation

    raise typer.Exit(operation.rewrite_objects(_find_target(context, stack, file)))


def _find_target(context: typer.Context, stack: str | None, file: Path | None) -> Target:
    """Return the stack of a subcommand. Options before the name of the subcommand count too."""
    options = context.parent.params if context.parent else {}
    return find_target(
        environment(), stack or options.get("stack", "dev"), file or options.get("file"), machines=False
    )
