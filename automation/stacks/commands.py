"""The commands that run the engine on stacks: `preview`, `up`, `refresh`, `destroy`, `outputs`, `settings`.

Exit codes: 0 it went well, 1 it did not. With `--detailed-exit-code` 0 is "nothing to do" and 2 "went well,
and there are changes".
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from automation import workspace
from automation.engine.interrupts import run_one
from automation.environment import environment
from automation.errors import UserError
from automation.stacks import actions, driver, multi_stack, progress, provenance, selection
from automation.stacks.driver import PARALLEL, Action, Code, Options, Result
from automation.stacks.events import Event

Stacks = Annotated[
    list[str] | None,
    typer.Option(
        "--stack", "-s", help="A stack: Pulumi.<stack>.yaml. May be given several times; default: dev."
    ),
]
StackFile = Annotated[
    Path | None, typer.Option("--file", help="The stack file, if it is not in this directory; for one stack.")
]
All = Annotated[bool, typer.Option("--all", help="All stacks of this directory.")]
Changed = Annotated[
    str | None,
    typer.Option("--changed-from", metavar="REF", help="The stacks that a change since this commit touches."),
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Stacks at a time.")]
Parallel = Annotated[int, typer.Option("--parallel", min=1, help="Resources of a stack at a time.")]
Timeout = Annotated[
    float | None, typer.Option("--timeout", min=1, help="Seconds for each stack; then the engine is ended.")
]
Wait = Annotated[float, typer.Option("--wait", min=0, help="Seconds to wait for a stack that is in use.")]
Events = Annotated[
    Path | None, typer.Option("--events", help="Write what happens into this file, as JSON lines.")
]
Policies = Annotated[
    bool, typer.Option("--policy", help="Judge it by the rules of policy/; a mandatory one stops it.")
]
Detailed = Annotated[
    bool,
    typer.Option("--detailed-exit-code", help="Exit with 2 when there are changes, 0 without."),
]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (up, preview, refresh, destroy, outputs, settings):
        app.command()(command)


def up(
    stack: Stacks = None,
    file: StackFile = None,
    everything: All = False,
    changed_from: Changed = None,
    jobs: Jobs = 2,
    parallel: Parallel = PARALLEL,
    timeout: Timeout = None,
    wait: Wait = 0,
    events: Events = None,
    detailed: Detailed = False,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Do what this saved preview says, or nothing.")
    ] = None,
    policy: Policies = False,
) -> None:
    """Make or change clusters until they are what the stack files say."""
    options = Options(parallel=parallel, timeout=timeout, wait=wait, plan=plan, policy=policy)
    names = _names(stack, file, everything, changed_from, plan)
    results = run(Action.UP, names, file, options, jobs=jobs, events=events)
    raise typer.Exit(multi_stack.exit_code(results, detailed=detailed))


def preview(
    stack: Stacks = None,
    file: StackFile = None,
    everything: All = False,
    changed_from: Changed = None,
    jobs: Jobs = 2,
    timeout: Timeout = None,
    wait: Wait = 0,
    events: Events = None,
    detailed: Detailed = False,
    save_plan: Annotated[
        Path | None, typer.Option("--save-plan", help="Save it for `up --plan`; secrets in it are encrypted.")
    ] = None,
    policy: Policies = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Write <stack>.md (a comment) and <stack>.html into this directory."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The engine's own report, for programs.")] = False,
) -> None:
    """Show what `up` would change, line by line."""
    names = _names(stack, file, everything, changed_from, save_plan)
    if as_json:
        if len(names) != 1:
            raise UserError("--json: is of one stack; --events writes what happens in several")
        raise typer.Exit(run_one(lambda: actions.preview_json(environment(), names[0], file)))
    options = Options(timeout=timeout, wait=wait, plan=save_plan, policy=policy)
    results = run(Action.PREVIEW, names, file, options, jobs=jobs, events=events, keep=report is not None)
    if report is not None:
        _report(report, results, file)
    raise typer.Exit(multi_stack.exit_code(results, detailed=detailed))


def refresh(
    stack: Stacks = None,
    file: StackFile = None,
    everything: All = False,
    jobs: Jobs = 2,
    timeout: Timeout = None,
    wait: Wait = 0,
    events: Events = None,
    detailed: Detailed = False,
) -> None:
    """Read what is there into the state; hosts are compared by `drift`."""
    options = Options(timeout=timeout, wait=wait)
    names = _names(stack, file, everything, None, None)
    results = run(Action.REFRESH, names, file, options, jobs=jobs, events=events)
    raise typer.Exit(multi_stack.exit_code(results, detailed=detailed))


def destroy(
    stack: Annotated[list[str], typer.Option("--stack", "-s", help="The stack; may be given several times.")],
    file: StackFile = None,
    jobs: Jobs = 2,
    timeout: Timeout = None,
    wait: Wait = 0,
    events: Events = None,
    detailed: Detailed = False,
) -> None:
    """Take clusters down by the engine, resource by resource (`down` also removes a lab's hosts)."""
    options = Options(timeout=timeout, wait=wait)
    names = _names(stack, file, False, None, None)
    results = run(Action.DESTROY, names, file, options, jobs=jobs, events=events)
    raise typer.Exit(multi_stack.exit_code(results, detailed=detailed))


def outputs(stack: Stacks = None, file: StackFile = None, everything: All = False) -> None:
    """Show what stacks put out, as JSON; secrets are masked."""
    names = _names(stack, file, everything, None, None)

    def work() -> dict[str, object]:
        jobs = {name: actions.Job(environment=environment(), stack=name, file=file) for name in names}
        return {name: driver.outputs(job.engine()) for name, job in jobs.items()}

    found = run_one(work)
    print(json.dumps(found if len(found) > 1 else next(iter(found.values())), indent=2))


def settings(stack: Stacks = None, file: StackFile = None) -> None:
    """Show a stack's settings over those of its bases, each value with the file that it is from."""
    for name in _names(stack, file, False, None, None):
        print(provenance.show(workspace.settings(file or workspace.stack_file(name))), end="")


def run(
    action: Action,
    names: list[str],
    file: Path | None,
    options: Options,
    *,
    jobs: int = 1,
    events: Path | None = None,
    keep: bool = False,
) -> list[Result]:
    """Drives stacks, shows and logs it. What a user can mend is raised of a single stack, unless `keep`;
    of several it is in their results.
    """
    if not names:
        print("no stack is touched", file=sys.stderr)
        return []
    with multi_stack.EventLog(events) as log, progress.display(len(names)) as shown:

        def work(name: str) -> Result:
            def notice(event: Event) -> None:
                log.write(name, event)
                shown.event(name, event)

            job = actions.Job(
                environment=environment(),
                stack=name,
                file=file,
                options=options,
                show=lambda line: shown.line(name, line),
                notice=notice,
            )
            result = actions.DO[action](job)
            shown.done(result)
            return result

        results = multi_stack.drive_all(names, action, work, jobs=jobs, keep=keep)
    _say_why(results)
    return results


def _report(directory: Path, results: list[Result], file: Path | None) -> None:
    # Graphviz and its like are of no use to the other commands.
    from assembly import topology_or_none
    from automation.report import build, write

    reports = []
    for result in results:
        try:
            config = workspace.settings(file or workspace.stack_file(result.stack)).config
        except UserError:
            config = {}  # the result says what is wrong with the file
        reports.append(build.of_result(result, topology_or_none(config)))
    write.write(directory, reports)


def _say_why(results: list[Result]) -> None:
    if len(results) > 1:
        multi_stack.summary(results)
    elif results[0].code is Code.FAILED and not any(results[0].events):
        # The engine has said nothing, so nobody knows yet.
        print("\n".join(results[0].errors), file=sys.stderr)


def _names(
    stack: list[str] | None, file: Path | None, everything: bool, changed_from: str | None, plan: Path | None
) -> list[str]:
    names = selection.select(stack or [], everything=everything, changed_from=changed_from)
    if len(names) > 1 and file is not None:
        raise UserError("--file: is of one stack; name one")
    if len(names) > 1 and plan is not None:
        raise UserError("a plan is of one stack; name one")
    return names
