"""Commands that look at a cluster and change nothing: `status`, `drift`, `diagnose`, `cis`, …"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from automation import workspace
from automation.cli.options import AllStacks, Host, Stack, StackFile, Stacks
from automation.engine.interrupts import run_one
from automation.environment import environment
from automation.operations.target import find_target
from automation.prerequisites import Purpose
from automation.stacks import actions, driver, provenance, run_stacks

PANEL = "Look at a cluster"


class Format(StrEnum):
    """The format of the output of a command."""

    TEXT = "text"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (status, drift, diagnose, logs, cis, certificates, outputs, settings):
        app.command(rich_help_panel=PANEL)(command)


def status(stack: Stack = "dev", file: StackFile = None) -> None:
    """Show hosts, services, etcd, nodes and add-ons; fail on a problem."""
    from automation.operations import status as operation

    raise typer.Exit(operation.status(find_target(environment(), stack, file)))


def drift(stack: Stack = "dev", file: StackFile = None) -> None:
    """Show how hosts and Helm releases differ from what `up` did last; fail if one differs."""
    from automation.operations import drift as operation

    raise typer.Exit(operation.drift(find_target(environment(), stack, file)))


def diagnose(stack: Stack = "dev", file: StackFile = None) -> None:
    """Find problems of a cluster; fail if it has problems.

    Checks everything that `status` checks, DNS and Services from every node, pods, events and clocks.
    """
    from automation.operations import diagnose as operation

    raise typer.Exit(operation.diagnose(find_target(environment(), stack, file)))


def logs(
    host: Host,
    stack: Stack = "dev",
    file: StackFile = None,
    unit: Annotated[
        list[str] | None, typer.Option("--unit", help="A systemd unit; repeat for several.")
    ] = None,
    since: Annotated[
        str, typer.Option("--since", help="A duration such as 30m, or a time such as 2026-11-21T10:00:00Z.")
    ] = "",
    lines: Annotated[int, typer.Option("--lines", min=1, help="The number of newest lines.")] = 1000,
) -> None:
    """Show the journal of a host."""
    from automation.operations import logs as operation

    raise typer.Exit(operation.logs(find_target(environment(), stack, file), host, unit or [], since, lines))


def cis(
    stack: Stack = "dev",
    file: StackFile = None,
    output: Annotated[Format, typer.Option("--format", help="Format of the output.")] = Format.TEXT,
    report: Annotated[
        Path | None, typer.Option("--report", help="Also write the output to this file.")
    ] = None,
) -> None:
    """Compare a cluster with the CIS Kubernetes Benchmark; fail if a check fails or a host is not checked."""
    from automation.operations.cis import command

    target = find_target(environment(), stack, file)
    raise typer.Exit(command.cis(target, report, as_json=output is Format.JSON))


def certificates(
    stack: Stack = "dev",
    file: StackFile = None,
    days: Annotated[int, typer.Option("--days", help="Fail when a certificate expires in fewer days.")] = 30,
) -> None:
    """Show when certificates expire; fail if one expires soon."""
    from automation.operations import certificates as operation

    raise typer.Exit(operation.certificates(find_target(environment(), stack, file), days))


def outputs(stack: Stacks = None, file: StackFile = None, select_all: AllStacks = False) -> None:
    """Print the outputs of stacks as JSON, with secrets masked."""
    names = run_stacks.select_stack_names(stack, file, select_all, None, None)

    def read_outputs() -> dict[str, object]:
        requests = {
            name: actions.StackRequest(environment=environment(), stack=name, file=file) for name in names
        }
        return {
            name: driver.masked_outputs(request.prepare_engine(Purpose.STATE))
            for name, request in requests.items()
        }

    values = run_one(read_outputs)
    print(json.dumps(values if len(values) > 1 else next(iter(values.values())), indent=2))


def settings(stack: Stacks = None, file: StackFile = None) -> None:
    """Print the merged settings of a stack and the file of each setting."""
    for name in run_stacks.select_stack_names(stack, file, False, None, None):
        print(provenance.format_settings(workspace.merged_config(file or workspace.stack_file(name))), end="")
