"""The `kubewright` command: its groups of commands, and the display of errors."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.exceptions import Abort, TyperException

from artifacts.errors import ArtifactError
from automation.cli import (
    artifacts,
    capacity,
    configuration,
    conformance,
    encryption,
    images,
    inspect,
    lab,
    new,
    plan,
    pull_requests,
    recovery,
    stacks,
    state,
    users,
)
from automation.environment import CHECKOUT
from automation.errors import UserError
from lab.errors import LabError

NAME = "kubewright"
_GROUPS = (
    *(new, stacks, configuration, inspect, encryption, conformance, plan, capacity),
    *(recovery, state, users, pull_requests, artifacts, lab, images),
)
_PANELS = list(dict.fromkeys(group.PANEL for group in _GROUPS))


class _PanelOrder(TyperGroup):
    """A command group that lists its commands in the order of the help panels.

    Typer lists all groups after all commands.
    """

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Return the names of the commands in the order of their panels."""
        panels = {name: getattr(command, "rich_help_panel", "") for name, command in self.commands.items()}
        return sorted(panels, key=lambda name: _PANELS.index(panels[name]))


app = typer.Typer(
    name=NAME,
    cls=_PanelOrder,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _print_version(requested: bool) -> None:
    if requested:
        project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
        print(f"{NAME} {project['version']}")
        raise typer.Exit


@app.callback()
def kubewright(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Build and run Kubernetes in clouds and on bare metal from one description: a stack file."""


for _group in _GROUPS:
    _group.register(app)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. Print user errors as one message without a traceback."""
    try:
        return app(arguments, prog_name=NAME, standalone_mode=False) or 0
    except TyperException as error:
        return _print_usage_error(error)
    except Abort:
        print(f"\n{NAME}: aborted", file=sys.stderr)
        return 1
    except (UserError, ArtifactError, LabError) as error:
        print(f"{NAME}: {error}", file=sys.stderr)
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)


def _print_usage_error(error: TyperException) -> int:
    """Print an error in the arguments, such as an unknown option. Return the exit code of the error."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else NAME
    # Typer has already printed the help text of a group that was called without a command.
    if type(error).__name__ != "NoArgsIsHelpError":
        message = error.format_message().rstrip(".")
        print(f"{path}: {message[0].lower()}{message[1:]}; see `{path} --help`", file=sys.stderr)
    return error.exit_code
