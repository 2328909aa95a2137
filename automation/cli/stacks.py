"""Commands that change a cluster: `preview`, `up`, `refresh`, `destroy`, `down`, `pulumi`.

Exit codes: 0 for success, 1 for failure. With `--detailed-exit-code`, 0 means "no changes" and 2 means
"success with changes".
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from automation.cli.options import AllStacks, RequiredStacks, Stack, StackFile, Stacks, Yes, confirm
from automation.engine.interrupts import run_one
from automation.environment import environment
from automation.errors import UserError
from automation.stacks import actions, multi_stack, run_stacks
from automation.stacks.result import PARALLEL, STALL_SECONDS, Action, Options
from automation.stacks.run_stacks import OutputFormat

PANEL = "Change a cluster"

Changed = Annotated[
    str | None,
    typer.Option(
        "--changed-from", metavar="REF", help="Select stacks affected by changes since a Git reference."
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Number of stacks to process at a time.")]
Parallel = Annotated[
    int, typer.Option("--parallel", min=1, help="Number of resources of a stack to process at a time.")
]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", min=1, help="Seconds for each stack, after which the engine is stopped."),
]
StallTimeout = Annotated[
    float,
    typer.Option(
        "--stall-timeout",
        min=1,
        help="Seconds without a finished operation after which the engine is stopped.",
    ),
]
Wait = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for a stack that is locked.")]
Events = Annotated[Path | None, typer.Option("--events", help="Write events to this file, as JSON lines.")]
Policies = Annotated[
    bool,
    typer.Option("--policy", help="Check the rules of policy/. Violations of mandatory rules fail the run."),
]
Detailed = Annotated[
    bool,
    typer.Option("--detailed-exit-code", help="Exit with 2 when there are changes, else with 0."),
]
Format = Annotated[
    OutputFormat | None,
    typer.Option(
        "--format",
        help="Print a report, or the engine's own text. Default: the report on a terminal, else the text.",
    ),
]
Raw = Annotated[bool, typer.Option("--raw", help="Short for --format raw.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (preview, up, refresh, destroy, down):
        app.command(rich_help_panel=PANEL)(command)
    app.command(
        rich_help_panel=PANEL,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(pulumi)


def preview(
    stack: Stacks = None,
    file: StackFile = None,
    select_all: AllStacks = False,
    changed_from: Changed = None,
    jobs: Jobs = 2,
    timeout: Timeout = None,
    wait: Wait = 0,
    events: Events = None,
    detailed: Detailed = False,
    save_plan: Annotated[
        Path | None,
        typer.Option("--save-plan", help="Save a plan for `up --plan`. Secrets in the plan are encrypted."),
    ] = None,
    policy: Policies = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Write STACK.md (a comment) and STACK.html into this directory."),
    ] = None,
    output: Format = None,
    raw: Raw = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the engine's own report as JSON.")] = False,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline", help="Preview a new stack without plugins, network or account (docs/plugins.md)."
        ),
    ] = False,
) -> None:
    """Show what `up` would change."""
    names = run_stacks.select_stack_names(stack, file, select_all, changed_from, save_plan)
    if as_json:
        if len(names) != 1:
            raise UserError("--json: applies to one stack; use --events for several stacks")
        print_json = partial(actions.print_preview_json, environment(), names[0], file, offline=offline)
        raise typer.Exit(run_one(print_json))
    options = Options(timeout=timeout, wait=wait, plan=save_plan, policy=policy, offline=offline)
    results = run_stacks.run_action_on_stacks(
        Action.PREVIEW,
        names,
        file,
        options,
        jobs=jobs,
        events=events,
        keep_errors=report is not None,
        output=_output_format(output, raw=raw),
    )
    if report is not None:
        run_stacks.write_reports(report, results, file)
    raise typer.Exit(multi_stack.exit_code(results, detailed=detailed))


def up(
    stack: Stacks = None,
    file: StackFile = None,
    select_all: AllStacks = False,
    changed_from: Changed = None,
    jobs: Jobs = 2,
    parallel: Parallel = PARALLEL,
    timeout: Timeout = None,
    stall_timeout: StallTimeout = STALL_SECONDS,
    wait: Wait = 0,
    events: Events = None,
    detailed: Detailed = False,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", help="Apply this saved plan; fail if `up` would do anything else."),
    ] = None,
    policy: Policies = False,
    output: Format = None,
    raw: Raw = False,
) -> None:
    """Create or change clusters to match their stack files."""
    options = Options(
        parallel=parallel,
        timeout=timeout,
        stall_timeout=stall_timeout,
        wait=wait,
        plan=plan,
        policy=policy,
    )
    names = run_stacks.select_stack_names(stack, file, select_all, changed_from, plan)
    shown = _output_format(output, raw=raw)
    results = run_stacks.run_action_on_stacks(
        Action.UP, names, file, options, jobs=jobs, events=events, output=shown
    )
    raise typer.Exit(multi_stack.exit_code(results, detailed=detailed))


def refresh(
    stack: Stacks = None,
    file: StackFile = None,
    select_all: AllStacks = False,
    jobs: Jobs = 2,
    timeout: Timeout = None,
    wait: Wait = 0,
    events: Events = None,
    detailed: Detailed = False,
) -> None:
    """Update the state from the cloud. To compare hosts, use `drift`."""
    options = Options(timeout=timeout, wait=wait)
    names = run_stacks.select_stack_names(stack, file, select_all, None, None)
    results = run_stacks.run_action_on_stacks(Action.REFRESH, names, file, options, jobs=jobs, events=events)
    raise typer.Exit(multi_stack.exit_code(results, detailed=detailed))


def destroy(
    stack: RequiredStacks,
    file: StackFile = None,
    jobs: Jobs = 2,
    timeout: Timeout = None,
    stall_timeout: StallTimeout = STALL_SECONDS,
    wait: Wait = 0,
    events: Events = None,
    detailed: Detailed = False,
    yes: Yes = False,
) -> None:
    """Delete the resources of clusters. Hosts of a lab remain.

    If a host is unreachable, all other resources are deleted, and the error message names the host.
    """
    options = Options(timeout=timeout, stall_timeout=stall_timeout, wait=wait)
    names = run_stacks.select_stack_names(stack, file, False, None, None)
    confirm(f"All resources of {_describe_stacks(names)} will be deleted. Continue?", yes=yes)
    results = run_stacks.run_action_on_stacks(Action.DESTROY, names, file, options, jobs=jobs, events=events)
    raise typer.Exit(multi_stack.exit_code(results, detailed=detailed))


def down(stack: Stack, file: StackFile = None, yes: Yes = False) -> None:
    """Delete a cluster and, for a stack with a lab, its hosts."""
    confirm(f"The cluster of {_describe_stacks([stack])} will be deleted. Continue?", yes=yes)
    raise typer.Exit(run_one(lambda: actions.down(environment(), stack, file)))


def pulumi(context: typer.Context, stack: Stack = "dev", file: StackFile = None) -> None:
    """Run a command of the Pulumi engine, after `--`.

    Example: `kubewright pulumi --stack prod -- stack output`
    """
    if not context.args:
        raise UserError("no engine command given; for example: kubewright pulumi -- stack output")
    raise typer.Exit(run_one(lambda: actions.run_engine_command(environment(), stack, file, context.args)))


def _describe_stacks(names: list[str]) -> str:
    return f"stack {names[0]}" if len(names) == 1 else f"stacks {', '.join(names)}"


def _output_format(output: OutputFormat | None, *, raw: bool) -> OutputFormat:
    """Return the output format that the options select. Raise UserError for contradicting options."""
    if raw and output is OutputFormat.REPORT:
        raise UserError("--raw and --format report contradict each other; give one of them")
    if raw:
        return OutputFormat.RAW
    if output is not None:
        return output
    return OutputFormat.REPORT if sys.stdout.isatty() else OutputFormat.RAW
