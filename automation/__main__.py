"""`kubewright`: the commands that `make` calls."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from artifacts import mirror
from artifacts.errors import ArtifactError
from artifacts.progress import Progress
from automation import output, prepare
from automation.comment import commands as comment
from automation.engine import interrupts
from automation.environment import environment
from automation.errors import UserError
from automation.operations import commands as daytwo
from automation.options import Stack, StackFile
from automation.stacks import actions
from automation.stacks import commands as driving
from lab import status
from lab.errors import LabError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def down(stack: Stack = "dev", file: StackFile = None) -> None:
    """Take the cluster down; of a local stack, its hosts too."""
    raise typer.Exit(interrupts.run_one(lambda: actions.down(environment(), stack, file)))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def pulumi(context: typer.Context, stack: Stack = "dev", file: StackFile = None) -> None:
    """Run any command of the engine on the stack: `kubewright pulumi -- stack output`."""
    if not context.args:
        raise UserError("name the engine's command, for example: kubewright pulumi -- stack output")
    raise typer.Exit(interrupts.run_one(lambda: actions.run(environment(), stack, file, context.args)))


@app.command("prepare")
def prepare_machine() -> None:
    """Put tools and plugins onto this machine, ahead of the first `up`."""
    interrupts.run_one(lambda: prepare.machine(environment()))


@app.command("mirror")
def make_mirror(
    directory: Annotated[Path | None, typer.Option(help="Where to; default: the cache.")] = None,
    index: Annotated[Path | None, typer.Option(help="Also write its checksums here, to be kept.")] = None,
) -> None:
    """Make a directory with every file and image that hosts fetch, to be served to them."""
    made = mirror.build(directory or environment().mirror, progress=Progress())
    print(made)
    if index:
        mirror.pin(made, index)


@app.command("lab-status")
def lab_status() -> None:
    """Show the lab's hosts and what runs on them."""
    print(status.table(status.status()), end="")


driving.register(app)
daytwo.register(app)
comment.register(app)


def main() -> None:
    """Runs a command; errors of the user's are one readable line and exit code 1."""
    output.survive_broken_pipe()
    code = output.code(_run())
    interrupts.end(code)
    sys.exit(code)


def _run() -> int:
    try:
        app()
    except (UserError, ArtifactError, LabError) as error:
        print(f"kubewright: {error}", file=sys.stderr)
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    main()
