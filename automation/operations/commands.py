"""The commands for a cluster that runs: status, drift, repair, snapshot, restore, people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automation.environment import environment
from automation.operations.target import Target, target
from automation.options import Stack, StackFile

_people = typer.Typer(help="Let a person into the cluster, or out again.", invoke_without_command=True)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(status)
    app.command()(drift)
    app.command()(repair)
    app.command()(replace)
    app.command()(forget)
    app.command()(diagnose)
    app.command()(certificates)
    app.command()(snapshot)
    app.command()(restore)
    app.add_typer(_people, name="user")


def status(stack: Stack = "dev", file: StackFile = None) -> None:
    """Show hosts, services, etcd, certificates, nodes and add-ons; fail when something is wrong."""
    from automation.operations import status as module

    raise typer.Exit(module.status(_target(stack, file)))


def drift(stack: Stack = "dev", file: StackFile = None) -> None:
    """Show what on the hosts no longer is as it was delivered; fail when anything is not."""
    from automation.operations import drift as module

    raise typer.Exit(module.drift(_target(stack, file)))


def repair(
    host: Annotated[list[str], typer.Option("--host", help="The host; may be given several times.")],
    stack: Stack = "dev",
    file: StackFile = None,
) -> None:
    """Deliver to a host again what was last delivered to it."""
    from automation.operations import repair as module

    raise typer.Exit(module.repair(_target(stack, file), host))


def replace(
    host: Annotated[str, typer.Argument(help="Name of the lost host, now an empty machine.")],
    stack: Stack = "dev",
    file: StackFile = None,
) -> None:
    """Make an empty machine what the lost host of that name was; its old Node and etcd member go first."""
    from automation.operations import replace as module

    raise typer.Exit(module.replace(_target(stack, file), host))


def forget(
    host: Annotated[str, typer.Argument(help="Name of the lost host, no longer in the stack file.")],
    stack: Stack = "dev",
    file: StackFile = None,
) -> None:
    """Take what is left of a host that is gone for good out of the cluster and the state; then run `up`."""
    from automation.operations import remove_host as module

    module.forget(_target(stack, file), host)


def diagnose(stack: Stack = "dev", file: StackFile = None) -> None:
    """Look for what is wrong: all of `status`, DNS and services from every node, pods, events, clocks."""
    from automation.operations import diagnose as module

    raise typer.Exit(module.diagnose(_target(stack, file)))


def certificates(
    stack: Stack = "dev",
    file: StackFile = None,
    days: Annotated[int, typer.Option("--days", help="Fail when one ends in fewer days.")] = 30,
) -> None:
    """Show when each certificate ends, by the state and on the hosts; fail when one soon does."""
    from automation.operations import certificates as module

    raise typer.Exit(module.certificates(_target(stack, file), days))


def snapshot(
    stack: Stack = "dev",
    file: StackFile = None,
    to: Annotated[Path | None, typer.Option("--to", help="Directory; default: with the state.")] = None,
) -> None:
    """Take a snapshot of etcd now and bring it here, with its checksum."""
    from automation.operations import snapshot as module

    module.snapshot(_target(stack, file), to)


def restore(
    snapshot: Annotated[Path, typer.Option("--snapshot", help="The snapshot; its .sha256 beside it.")],
    stack: Stack = "dev",
    file: StackFile = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make the cluster what it was at a snapshot; hosts that came back empty are installed again."""
    from automation.operations import restore as module

    question = f"Everything written to stack {stack} since {snapshot.name} will be lost. Go on?"
    if not yes and not typer.confirm(question):
        raise typer.Exit(1)
    raise typer.Exit(module.restore(_target(stack, file), snapshot))


@_people.callback()
def user(
    context: typer.Context,
    name: Annotated[str, typer.Option("--name", help="Who: the user's name in the cluster.")] = "",
    group: Annotated[list[str] | None, typer.Option("--group", help="A group; may be given again.")] = None,
    namespace: Annotated[str, typer.Option("--namespace", help="Where the person may work.")] = "",
    role: Annotated[str, typer.Option("--role", help="ClusterRole in that namespace.")] = "edit",
    days: Annotated[int, typer.Option("--days", help="How long the kubeconfig is valid.")] = 30,
    to: Annotated[Path | None, typer.Option("--to", help="File; default: with the state.")] = None,
    stack: Stack = "dev",
    file: StackFile = None,
) -> None:
    """Make a kubeconfig for a person (or: `user revoke --name NAME`)."""
    from automation.operations import users

    if context.invoked_subcommand is None:
        person = users.Person(name, tuple(group or ()), namespace, role, days)
        users.issue(_target(stack, file), person, to)


@_people.command()
def revoke(
    name: Annotated[str, typer.Option("--name", help="Whose access ends.")],
    stack: Stack = "dev",
    file: StackFile = None,
) -> None:
    """Take a person's access away: its certificate stays valid, but opens nothing any more."""
    from automation.operations import users

    raise typer.Exit(users.revoke(_target(stack, file), name))


def _target(stack: str, file: Path | None) -> Target:
    return target(environment(), stack, file)
