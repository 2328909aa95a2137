"""The command `conformance`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automation.cli.options import Stack, StackFile
from automation.environment import environment
from automation.operations.target import find_target

PANEL = "Look at a cluster"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(rich_help_panel=PANEL)(conformance)


def conformance(
    stack: Stack = "dev",
    file: StackFile = None,
    suite: Annotated[
        str | None,
        typer.Option(
            "--suite", help="conformance, node, network-policy or smoke.", show_default="conformance"
        ),
    ] = None,
    focus: Annotated[
        str,
        typer.Option(
            "--focus", metavar="REGEX", help="Run specs whose names match (without --suite, of all)."
        ),
    ] = "",
    skip: Annotated[str, typer.Option("--skip", metavar="REGEX", help="Leave out specs that match.")] = "",
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=64, help="Number of processes.")] = 4,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Directory of the report.", show_default="in the state"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue with the specs that have not passed yet.")
    ] = False,
) -> None:
    """Run upstream's conformance tests; fail if a spec fails.

    The tests create and delete namespaces, nodes' taints and cluster-wide objects. Do not run them on a
    cluster with workloads that matter.
    """
    from automation.conformance import run, suites

    target = find_target(environment(), stack, file, machines=False)
    selected = suite or ("" if focus else suites.DEFAULT_SUITE)
    options = run.Options(
        stack=stack, suite=selected, focus=focus, skip=skip, parallel=parallel, resume=resume
    )
    directory = report or environment().stack_directory(stack) / "conformance" / (selected or "focus")
    raise typer.Exit(run.conformance(environment(), target.settings, options, directory.absolute()))
