"""Commands that repair and recover a cluster: `repair`, `replace`, `remove-host`, `snapshot`, `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automation.cli.options import Host, Hosts, Stack, StackFile, Yes, confirm
from automation.environment import environment
from automation.errors import UserError
from automation.operations.target import find_target

PANEL = "Repair and recover"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (repair, replace, remove_host, snapshot, restore):
        app.command(rich_help_panel=PANEL)(command)


def repair(host: Hosts, stack: Stack = "dev", file: StackFile = None) -> None:
    """Send the last delivery to a host again."""
    from automation.operations import repair as operation

    raise typer.Exit(operation.repair(find_target(environment(), stack, file), host))


def replace(host: Host, stack: Stack, file: StackFile = None, yes: Yes = False) -> None:
    """Install an empty machine in place of a lost host.

    The machine has the name and address of the host. The old Node and etcd member are removed first.
    """
    from automation.operations import replace as operation

    target = find_target(environment(), stack, file)
    confirm(
        f"The Node and the etcd member of host {host} of stack {stack} will be removed, and the machine at "
        "its address will be installed. Continue?",
        yes=yes,
    )
    raise typer.Exit(operation.replace(target, host))


def remove_host(host: Host, stack: Stack, file: StackFile = None, yes: Yes = False) -> None:
    """Remove a lost host from the cluster and the state.

    First remove the host from the stack file; run `up` afterwards. After a `destroy` that could not reach the
    host, do not change the stack file; run `destroy` again afterwards.
    """
    from automation.operations import remove_host as operation

    target = find_target(environment(), stack, file)
    confirm(f"Host {host} will be removed from the cluster and state of stack {stack}. Continue?", yes=yes)
    operation.remove_host(target, host)


def snapshot(
    stack: Stack = "dev",
    file: StackFile = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Directory for the snapshot.", show_default="with the state")
    ] = None,
) -> None:
    """Take a snapshot of etcd and download it with its checksum."""
    from automation.operations import snapshot as operation

    operation.snapshot(find_target(environment(), stack, file), to)


def restore(
    stack: Stack,
    snapshot: Annotated[
        str | None,
        typer.Option(
            "--snapshot",
            help="The snapshot, with its .sha256 file next to it, or an encrypted copy (.age); with --from, "
            "the name of a copy.",
            show_default="with --from: the newest copy",
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="Name of a target in etcd.snapshots.to that has the copy.")
    ] = None,
    identity: Annotated[
        Path | None, typer.Option("--identity", help="File with the private key of age for a copy.")
    ] = None,
    file: StackFile = None,
    yes: Yes = False,
) -> None:
    """Restore the cluster from a snapshot of etcd.

    Empty hosts are installed again.
    """
    from automation.operations import restore as operation
    from automation.operations import snapshot_copies

    target = find_target(environment(), stack, file)
    match source, snapshot, identity:
        case None, None, _:
            raise UserError("--snapshot or --from: one of them is required; see `kubewright restore --help`")
        case str(), _, None:
            raise UserError("--identity: required with --from; give the file with the private key of age")
        case str(), _, Path():
            found = snapshot_copies.fetch_copy(target, source, snapshot or snapshot_copies.LATEST, identity)
        case None, str(), Path():
            found = snapshot_copies.decrypt_file(target, Path(snapshot), identity)
        case _:
            found = Path(str(snapshot))
    confirm(f"Everything written to stack {stack} since {found.name} will be lost. Continue?", yes=yes)
    raise typer.Exit(operation.restore(target, found))
