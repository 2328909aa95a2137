"""The lab's commands: `python -m lab up SPEC.json`, down, status, start, stop, exec, doctor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lab import doctor as doctor_
from lab import hosts, spec, stack
from lab import status as status_
from lab.errors import LabError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Real hosts on this machine.",
)
Lab = Annotated[str, typer.Argument(help="Name of the lab.", metavar="NAME")]
Host = Annotated[str, typer.Argument(help="Name of the host.", metavar="HOST")]


@app.command()
def up(path: Annotated[Path, typer.Argument(help="The lab as JSON.", metavar="SPEC.json")]) -> None:
    """Make the lab, or complete and repair it."""
    paths = stack.up(spec.read(path), say=typer.echo)
    typer.echo(f"lab is up; keys and known_hosts are in {paths.ssh}")


@app.command()
def down(name: Lab) -> None:
    """Remove everything of the lab, whatever state it is in."""
    stack.down(name)
    typer.echo(f"nothing of lab {name} is left")


@app.command()
def status(
    name: Annotated[str, typer.Argument(help="Name of the lab; all without.", metavar="[NAME]")] = "",
) -> None:
    """Show what runs."""
    typer.echo(status_.table(status_.status(name)), nl=False)


@app.command()
def start(name: Lab, host: Host) -> None:
    """Start a stopped host with the disk it had."""
    stack.start(name, host)


@app.command()
def stop(
    name: Lab, host: Host, kill: Annotated[bool, typer.Option("--kill", help="Like a power cut.")] = False
) -> None:
    """Shut a host down; its disk stays."""
    stack.stop(name, host, kill=kill)


@app.command()
def cut(name: Lab, host: Host) -> None:
    """Pull a host's network cable; it runs on."""
    stack.plug(name, host, into=False)


@app.command()
def join(name: Lab, host: Host) -> None:
    """Plug the network cable of a host in again."""
    stack.plug(name, host, into=True)


@app.command(name="exec")
def execute(
    name: Lab,
    host: Host,
    command: Annotated[list[str], typer.Argument(help="After --, what to run.", metavar="COMMAND")],
) -> None:
    """Run a command on a host as root; ends with its exit code."""
    stack.load(name).host(host)
    raise typer.Exit(hosts.execute(name, host, command, timeout=None).returncode)


@app.command()
def doctor() -> None:
    """Say whether this machine can have labs, and what is missing."""
    found = doctor_.problems()
    for problem in found:
        typer.echo(str(problem))
    if found:
        raise typer.Exit(1)
    typer.echo("this machine can have labs")


def main() -> None:
    """Run a command; an error is one line."""
    try:
        app()
    except LabError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
