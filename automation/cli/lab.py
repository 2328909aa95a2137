"""Commands for the lab's hosts: `lab up|down|status|start|stop|cut|join|exec|doctor`, `lab-status`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automation.cli.options import Host
from lab import doctor as requirements
from lab import hosts, lifecycle, spec
from lab import status as lab_status

PANEL = "Mirror and lab"
_lab = typer.Typer(no_args_is_help=True, help="Hosts for a cluster on this machine.")

Lab = Annotated[str, typer.Argument(help="Name of the lab.", metavar="LAB")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.add_typer(_lab, name="lab", rich_help_panel=PANEL)
    app.command("lab-status", rich_help_panel=PANEL)(show_all)


def show_all() -> None:
    """Show the hosts of all labs and their services."""
    status()


@_lab.command()
def up(path: Annotated[Path, typer.Argument(help="JSON description of the lab.", metavar="SPEC")]) -> None:
    """Create a lab, or complete and repair it."""
    paths = lifecycle.up(spec.read(path), on_progress=typer.echo)
    typer.echo(f"the lab is running; SSH keys and known_hosts are in {paths.ssh}")


@_lab.command()
def down(lab: Lab) -> None:
    """Remove a lab and everything that belongs to it, whatever its condition."""
    lifecycle.down(lab)
    typer.echo(f"lab {lab} is removed")


@_lab.command()
def status(
    lab: Annotated[
        str, typer.Argument(help="Name of the lab.", metavar="[LAB]", show_default="all labs")
    ] = "",
) -> None:
    """Show the hosts of a lab and their services."""
    typer.echo(lab_status.table(lab_status.status(lab)), nl=False)


@_lab.command()
def start(lab: Lab, host: Host) -> None:
    """Start a stopped host with its previous disk."""
    lifecycle.start(lab, host)


@_lab.command()
def stop(
    lab: Lab,
    host: Host,
    kill: Annotated[bool, typer.Option("--kill", help="Kill the host, as a power failure does.")] = False,
) -> None:
    """Shut down a host; its disk is kept."""
    lifecycle.stop(lab, host, kill=kill)


@_lab.command()
def cut(lab: Lab, host: Host) -> None:
    """Disconnect a host from the network; the host keeps running."""
    lifecycle.set_connected(lab, host, connected=False)


@_lab.command()
def join(lab: Lab, host: Host) -> None:
    """Connect a host to the network again."""
    lifecycle.set_connected(lab, host, connected=True)


@_lab.command("exec")
def execute(
    lab: Lab,
    host: Host,
    command: Annotated[list[str], typer.Argument(help="The command, after `--`.", metavar="-- COMMAND")],
) -> None:
    """Run a command on a host as root and exit with its exit code."""
    lifecycle.load(lab).host(host)
    raise typer.Exit(hosts.execute(lab, host, command, timeout=None).returncode)


@_lab.command()
def doctor() -> None:
    """Check whether this machine can run labs, and list what is missing."""
    problems = requirements.problems()
    for problem in problems:
        typer.echo(str(problem))
    if problems:
        raise typer.Exit(1)
    typer.echo("this machine can run labs")
