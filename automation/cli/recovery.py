"""Commands that repair and recover a cluster: `repair`, `replace`, `remove-host`, `snapshot`, `copies`,
`copy-keys`, `restore`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automation.cli.options import Host, Hosts, Stack, StackFile, Yes, confirm
from automation.environment import environment
from automation.errors import UserError
from automation.operations.target import Target, find_target

PANEL = "Repair and recover"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (repair, replace, remove_host, snapshot, copies, copy_keys, restore):
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


def copies(
    stack: Stack = "dev",
    file: StackFile = None,
    fetch: Annotated[
        str | None, typer.Option("--fetch", help="Name of a copy to download, or `newest`.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Directory for the copy.", show_default="with the state")
    ] = None,
) -> None:
    """List the copies of snapshots in another region of a cloud, or download one with its checksum."""
    from automation.operations import copies as operation

    target = find_target(environment(), stack, file, machines=False)
    if fetch is None:
        operation.list_copies(target)
    else:
        operation.fetch_copy(target, fetch, to)


def copy_keys(
    stack: Stack,
    source: Annotated[str, typer.Option("--from", help="Name of the stack that has the keys.")],
    file: StackFile = None,
    source_file: Annotated[
        Path | None, typer.Option("--from-file", help="Path of the stack file of that stack.")
    ] = None,
) -> None:
    """Start a new stack with the authority and keys of another stack, to restore its snapshots."""
    from automation.operations import copied_keys as operation

    sources = find_target(environment(), source, source_file, machines=False)
    operation.copy_keys(sources, find_target(environment(), stack, file, machines=False))


def restore(
    stack: Stack,
    snapshot: Annotated[
        str | None,
        typer.Option(
            "--snapshot",
            help="The snapshot, with its .sha256 file next to it, or an encrypted copy (.age); with --from, "
            "the name of a copy, or `newest`.",
            show_default="with --from: newest",
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

    _check_restore_options(snapshot, source, identity)
    target = find_target(environment(), stack, file)
    found = _find_snapshot(target, snapshot, source, identity)
    confirm(f"Everything written to stack {stack} since {found.name} will be lost. Continue?", yes=yes)
    raise typer.Exit(operation.restore(target, found))


def _check_restore_options(snapshot: str | None, source: str | None, identity: Path | None) -> None:
    if source is None and snapshot is None:
        raise UserError("--snapshot or --from: one of them is required; see `kubewright restore --help`")
    if source is not None and identity is None:
        raise UserError("--identity: required with --from; give the file with the private key of age")
    if snapshot is not None and snapshot.endswith(".age") and identity is None:
        raise UserError(f"--identity: required for the encrypted copy {snapshot}")


def _find_snapshot(target: Target, snapshot: str | None, source: str | None, identity: Path | None) -> Path:
    """Return the file of the snapshot; decrypt a copy first."""
    from automation.operations import snapshot_copies
    from automation.operations.snapshot import NEWEST

    if identity is None:
        return Path(snapshot or "")
    if source is None:
        return snapshot_copies.decrypt_file(target, Path(snapshot or ""), identity)
    return snapshot_copies.fetch_copy(target, source, snapshot or NEWEST, identity)
