"""Runs an action on several stacks, shows its progress and writes reports."""

from __future__ import annotations

import sys
from pathlib import Path

from automation import workspace
from automation.environment import environment
from automation.errors import UserError
from automation.stacks import actions, display, multi_stack, selection
from automation.stacks.driver import Action, Options, Outcome, Result
from automation.stacks.events import Event


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
    """Run the action on every stack, show its progress and log its events.

    Raise UserError when the only stack fails before the engine starts, unless `keep` is set. Errors of
    several stacks are part of their results.
    """
    if not names:
        print("no stack is affected", file=sys.stderr)
        return []
    with multi_stack.EventLog(events) as log, display.create_display(len(names)) as shown:

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
            result = actions.ACTIONS[action](job)
            shown.done(result)
            return result

        results = multi_stack.run_all(names, action, work, jobs=jobs, keep=keep)
    _print_failures(results)
    return results


def write_reports(directory: Path, results: list[Result], file: Path | None) -> None:
    """Write a Markdown and an HTML report of every preview."""
    # Imported here because the other commands do not need Graphviz and the report's other libraries.
    from assembly import topology_or_none
    from automation.report import build, write

    reports = []
    for result in results:
        try:
            config = workspace.merged_config(file or workspace.stack_file(result.stack)).config
        except UserError:
            config = {}  # the result says what is wrong with the file
        reports.append(build.build_report(result, topology_or_none(config)))
    write.write_reports(directory, reports)


def _print_failures(results: list[Result]) -> None:
    if len(results) > 1:
        multi_stack.summary(results)
    elif results[0].code is Outcome.FAILED and not any(results[0].events):
        # The engine printed nothing, so the user has not seen the reason yet.
        print("\n".join(results[0].errors), file=sys.stderr)


def select_names(
    stack: list[str] | None, file: Path | None, everything: bool, changed_from: str | None, plan: Path | None
) -> list[str]:
    """Return the selected stacks. Raise UserError when an option for one stack is given for several."""
    names = selection.select_stacks(stack or [], everything=everything, changed_from=changed_from)
    if len(names) > 1 and file is not None:
        raise UserError("--file: applies to one stack; name one stack")
    if len(names) > 1 and plan is not None:
        raise UserError("a plan applies to one stack; name one stack")
    return names
