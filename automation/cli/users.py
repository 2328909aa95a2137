"""Commands for access to the Kubernetes API: `user`, `user revoke`, `kubeconfig`, `credential`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from automation.cli.options import Stack, StackFile
from automation.environment import environment
from automation.errors import UserError
from automation.operations.target import find_target

PANEL = "Users"
_users = typer.Typer(invoke_without_command=True)


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.add_typer(_users, name="user", rich_help_panel=PANEL)
    for command in (kubeconfig, credential):
        app.command(rich_help_panel=PANEL)(command)


@_users.callback()
def user(
    context: typer.Context,
    name: Annotated[str, typer.Option("--name", help="Name of the user in the cluster.")] = "",
    group: Annotated[list[str] | None, typer.Option("--group", help="Name of a group. Repeatable.")] = None,
    namespace: Annotated[str, typer.Option("--namespace", help="Namespace that the user works in.")] = "",
    role: Annotated[str, typer.Option("--role", help="ClusterRole of the user in the namespace.")] = "edit",
    days: Annotated[int, typer.Option("--days", help="Days that the kubeconfig is valid.")] = 30,
    to: Annotated[
        Path | None, typer.Option("--to", help="Path of the kubeconfig.", show_default="with the state")
    ] = None,
    stack: Stack = "dev",
    file: StackFile = None,
) -> None:
    """Create a kubeconfig for a user, or `revoke` it."""
    from automation.operations import users

    if context.invoked_subcommand is None:
        requested = users.User(name, tuple(group or ()), namespace, role, days)
        users.issue(find_target(environment(), stack, file, machines=False), requested, to)


@_users.command()
def revoke(
    name: Annotated[str, typer.Option("--name", help="Name of the user.")],
    stack: Stack = "dev",
    file: StackFile = None,
) -> None:
    """Remove the permissions of a user.

    The certificate of the user remains valid but permits nothing.
    """
    from automation.operations import users

    raise typer.Exit(users.revoke(find_target(environment(), stack, file, machines=False), name))


def kubeconfig(
    stack: Stack = "dev",
    file: StackFile = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Path of the kubeconfig.", show_default="standard output")
    ] = None,
) -> None:
    """Write a kubeconfig without secrets, for administrators.

    With this kubeconfig, kubectl runs `kubewright credential`, which reads the administrator's certificate
    from the outputs of the stack.
    """
    from automation.operations import exec_kubeconfig as operation

    admin = operation.admin_kubeconfig(operation.find_engine(environment(), stack, file))
    text = json.dumps(operation.exec_kubeconfig(admin, stack, file, os.environ), indent=1)
    if to is None:
        print(text)
        return
    try:
        to.write_text(text + "\n")
    except OSError as error:
        raise UserError(f"--to {to}: cannot be written: {error.strerror}; choose another path") from None
    print(f"export KUBECONFIG={to.resolve()}")


def credential(stack: Stack = "dev", file: StackFile = None) -> None:
    """Print the administrator's certificate and key for kubectl, as an ExecCredential.

    `kubewright kubeconfig` writes a kubeconfig that runs this command.
    """
    from automation.operations import exec_kubeconfig as operation

    engine = operation.find_engine(environment(), stack, file)
    print(json.dumps(operation.exec_credential(operation.admin_kubeconfig(engine))))
