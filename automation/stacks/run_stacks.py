"""Runs an action on several stacks, shows the progress and writes reports."""

from __future__ import annotations

import os
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from automation import workspace
from automation.environment import environment
from automation.errors import UserError
from automation.prepare import resolve_workspace
from automation.stacks import actions, display, multi_stack, selection
from automation.stacks.events import Event
from automation.stacks.result import Action, Options, Outcome, Result

if TYPE_CHECKING:
    from automation.report.model import Report

_REPORT_WIDTH = 120
"""Width in columns of a report that is not printed on a terminal."""


class OutputFormat(StrEnum):
    """The output of `preview` and `up`: a report of the changes, or the text of the engine."""

    REPORT = "report"
    RAW = "raw"


def run_action_on_stacks(
    action: Action,
    names: list[str],
    file: Path | None,
    options: Options,
    *,
    jobs: int = 1,
    events: Path | None = None,
    keep_errors: bool = False,
    output: OutputFormat = OutputFormat.RAW,
) -> list[Result]:
    """Run the action on every stack, show the progress, log events and print the report if one was chosen.

    Raise UserError when a single stack fails before the engine starts, unless `keep_errors` is set. With
    several stacks, errors are part of the results.
    """
    if not names:
        print("no stack is affected", file=sys.stderr)
        return []
    with multi_stack.EventLog(events) as log, display.create_display(len(names)) as progress_display:

        def run_stack(name: str) -> Result:
            def handle_event(event: Event) -> None:
                log.write(name, event)
                progress_display.show_event(name, event)

            request = actions.StackRequest(
                environment=environment(),
                stack=name,
                file=file,
                options=options,
                show=lambda line: progress_display.show_line(name, line),
                # A report replaces the text of a preview. During `up`, the lines of the engine show the
                # progress.
                show_engine=output is OutputFormat.RAW or action is not Action.PREVIEW,
                on_event=handle_event,
            )
            result = actions.ACTIONS[action](request)
            progress_display.finish(result)
            return result

        results = multi_stack.run_all(names, action, run_stack, jobs=jobs, keep_errors=keep_errors)
    if output is OutputFormat.REPORT:
        _print_reports(results, file, applied=action is Action.UP)
    _print_failures(results)
    return results


def _print_reports(results: list[Result], file: Path | None, *, applied: bool) -> None:
    """Print the report of every stack for which the engine ran."""
    from automation.report.terminal import terminal_text

    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else _REPORT_WIDTH
    color = terminal and not os.environ.get("NO_COLOR")
    for report in _build_reports([result for result in results if any(result.events)], file):
        print(terminal_text(report, width=width, color=color, applied=applied), end="")


def write_reports(directory: Path, results: list[Result], file: Path | None) -> None:
    """Write a Markdown and an HTML report of every preview."""
    # Import the report modules here, because other commands do not need Graphviz and their other libraries.
    from automation.report import write

    write.write_reports(directory, _build_reports(results, file))


def _build_reports(results: list[Result], file: Path | None) -> list[Report]:
    from assembly import topology_or_none
    from automation.report.build import build_report

    reports = []
    for result in results:
        try:
            work_directory = workspace.prepare(environment=environment(), stack=result.stack, source=file)
            config = resolve_workspace(environment(), work_directory).config
        except UserError:
            config = {}  # the result already contains an error for an invalid file
        reports.append(build_report(result, topology_or_none(config)))
    return reports


def _print_failures(results: list[Result]) -> None:
    if len(results) > 1:
        multi_stack.print_summary(results)
    elif results[0].outcome is Outcome.FAILED and not any(results[0].events):
        # The engine printed nothing in this case, so the user has not seen the reason yet.
        print("\n".join(results[0].errors), file=sys.stderr)


def select_stack_names(
    stack: list[str] | None, file: Path | None, select_all: bool, changed_from: str | None, plan: Path | None
) -> list[str]:
    """Return the selected stacks. Raise UserError when an option for a single stack is given for several."""
    names = selection.select_stacks(stack or [], select_all=select_all, changed_from=changed_from)
    if len(names) > 1 and file is not None:
        raise UserError("--file: applies to one stack; name one stack")
    if len(names) > 1 and plan is not None:
        raise UserError("a plan applies to one stack; name one stack")
    return names
