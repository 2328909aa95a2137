"""The commands for a cluster that runs: status, drift, repair, snapshot, restore, people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automation.environment import environment
from automation.target import Target, target

Stack = Annotated[str, typer.Option("--stack", "-s", help="Name of the stack: Pulumi.<stack>.yaml.")]
StackFile = Annotated[
    Path | None, typer.Option("--file", help="The stack file, if it is not in this directory.")
]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(status)
    app.command()(drift)
    app.command()(repair)
    app.command()(snapshot)
    app.command()(restore)


def status(stack: Stack = "dev", file: StackFile = None) -> None:
    """Show hosts, services, etcd, certificates, nodes and add-ons; fail when something is wrong."""
    from automation import status as module

    raise typer.Exit(module.status(_target(stack, file)))


def drift(stack: Stack = "dev", file: StackFile = None) -> None:
    """Show what on the hosts no longer is as it was delivered; fail when anything is not."""
    from automation import drift as module

    raise typer.Exit(module.drift(_target(stack, file)))


def repair(
    host: Annotated[list[str], typer.Option("--host", help="The host; may be given several times.")],
    stack: Stack = "dev",
    file: StackFile = None,
) -> None:
    """Deliver to a host again what was last delivered to it."""
    from automation import repair as module

    raise typer.Exit(module.repair(_target(stack, file), host))


def snapshot(
    stack: Stack = "dev",
    file: StackFile = None,
    to: Annotated[Path | None, typer.Option("--to", help="Directory; default: with the state.")] = None,
) -> None:
    """Take a snapshot of etcd now and bring it here, with its checksum."""
    from automation import snapshot as module

    module.snapshot(_target(stack, file), to)


def restore(
    snapshot: Annotated[Path, typer.Option("--snapshot", help="The snapshot; its .sha256 beside it.")],
    stack: Stack = "dev",
    file: StackFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make the cluster what it was at a snapshot; hosts that came back empty are installed again."""
    from automation import restore as module

    question = f"Everything written to stack {stack} since {snapshot.name} will be lost. Go on?"
    if not yes and not typer.confirm(question):
        raise typer.Exit(1)
    raise typer.Exit(module.restore(_target(stack, file), snapshot))


def _target(stack: str, file: Path | None) -> Target:
    return target(environment(), stack, file)
