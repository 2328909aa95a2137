"""Renders a report as text for a terminal: risks first, then each distinct change once with its hosts."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from automation.report.grouping import ChangeGroup, compress_names, group_changes, pluralize
from automation.report.model import CHANGING, Level, Operation, Property, Report
from automation.report.sanitize import escape_invisible, shorten_opaque

_MAX_LINES = 40
"""Maximum number of lines shown for an input."""
_MAX_GROUPS = 12
"""Maximum number of distinct changes shown for a component."""
_MAX_MESSAGES = 20
"""Maximum number of errors, warnings and violations shown."""
_LEVEL_STYLES = {Level.HIGH: "bold red", Level.MEDIUM: "bold yellow", Level.LOW: "bold"}
_SIGNS = {
    Operation.CREATE: ("+", "green"),
    Operation.CHANGE: ("~", "yellow"),
    Operation.REPLACE: ("±", "magenta"),
    Operation.DELETE: ("-", "red"),
}
_LINE_STYLES = {"+": "green", "-": "red", " ": "dim", "@": "cyan"}
_SCRIPT_INPUTS = ("create", "update", "delete")
"""Inputs of commands whose names are not shown, because they contain no information about the change."""
_NO_COMPONENT = "(program)"
_RAW_HINT = "(--raw shows all)"


def terminal_text(report: Report, *, width: int, color: bool = False, applied: bool = False) -> str:
    """Return the report for a terminal of this width. `applied` is true after `up` and false after
    `preview`.
    """
    buffer = io.StringIO()
    # Without `color`, the rich library writes no escape sequences, whatever the environment variables
    # request.
    console = Console(
        file=buffer,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for section in _report_sections(report, applied):
        console.print()
        console.print(section)
    lines = (line.rstrip() for line in buffer.getvalue().splitlines())
    return "\n".join(lines) + "\n"


def _report_sections(report: Report, applied: bool) -> Iterator[RenderableType]:
    """Yield the sections of a report in their order."""
    yield Text(f"Stack {report.stack}: {_verdict(report, applied)}", style="bold")
    if report.errors:
        yield _message_section("Errors", report.errors, "red")
    if report.violations:
        yield _violation_table(report)
    if report.risks:
        yield _risk_table(report)
    if report.warnings:
        yield _message_section("Warnings", report.warnings, "yellow")
    yield from _change_sections(report)
    if report.changes:
        yield _total_lines(report)


def _verdict(report: Report, applied: bool) -> str:
    if report.errors:
        return "failed"
    if any(violation.mandatory for violation in report.violations):
        return "stopped by a policy"
    if not report.changes:
        return "no changes"
    risk = f"{report.level.value} risk" if report.level else "no known risk"
    count = f"{len(report.changes)} {pluralize(len(report.changes), 'change')}"
    return f"{count}{' made' if applied else ''}, {risk}"


def _message_section(title: str, texts: Sequence[str], style: str) -> RenderableType:
    lines = [Text(title, style=style)]
    lines += [
        Text(f"  {escape_invisible(line)}") for text in texts[:_MAX_MESSAGES] for line in text.split("\n")
    ]
    if len(texts) > _MAX_MESSAGES:
        lines.append(Text(f"  and {len(texts) - _MAX_MESSAGES} more"))
    return Group(*lines)


def _violation_table(report: Report) -> RenderableType:
    table = _create_table("enforcement", "policy", "resource", "violation")
    for violation in report.violations[:_MAX_MESSAGES]:
        enforcement = "mandatory" if violation.mandatory else "advisory"
        cells = (violation.policy, violation.resource, violation.message)
        table.add_row(enforcement, *(Text(escape_invisible(cell)) for cell in cells))
    more = len(report.violations) - _MAX_MESSAGES
    return Group(table, Text(f"and {more} more")) if more > 0 else table


def _risk_table(report: Report) -> RenderableType:
    table = _create_table("risk", "this change", "where")
    for risk in report.risks:
        subjects = Text(escape_invisible(compress_names(risk.subjects)))
        table.add_row(Text(risk.level.value, style=_LEVEL_STYLES[risk.level]), risk.text, subjects)
    return table


def _change_sections(report: Report) -> Iterator[RenderableType]:
    """Yield the groups of changes by component. Changes in which no input differs are only counted."""
    groups = group_changes(report.changes)
    changed = [group for group in groups if not group.reapplied]
    for component, members in groupby(changed, key=lambda group: group.component):
        listed = list(members)
        lines: list[RenderableType] = [Text(escape_invisible(component) or _NO_COMPONENT, style="bold")]
        for group in listed[:_MAX_GROUPS]:
            lines += _group_lines(group)
        if omitted := listed[_MAX_GROUPS:]:
            names = compress_names([name for group in omitted for name in group.names])
            lines.append(
                Text(f"… {len(omitted)} more different changes: {escape_invisible(names)} {_RAW_HINT}")
            )
        yield Group(*lines)
    if reapplied := sum(len(group.names) for group in groups if group.reapplied):
        text = f"{reapplied} {pluralize(reapplied, 'resource')} applied again: no input differs"
        yield Text(f"{text}, but the API connection is unknown before the update", style="dim")


def _group_lines(group: ChangeGroup) -> Iterator[RenderableType]:
    """Yield the title of a group of identical changes, then its changed inputs."""
    sign, style = _SIGNS[group.operation]
    role = f" ({group.role})" if group.role else ""
    count = f" ({group.count_text})" if len(group.names) > 1 else ""
    names = escape_invisible(compress_names(group.names))
    yield Text(f"{sign} {group.description}{role}: {names}{count}", style=style)
    for changed in group.properties:
        yield Padding(Group(*_property_lines(changed)), (0, 0, 0, 4))


def _property_lines(changed: Property) -> Iterator[Text]:
    """Yield the name and the changed lines of an input."""
    path = escape_invisible(changed.path)
    if changed.secret:
        yield Text(f"{path}: a secret value changes", style="cyan")
        return
    name = "" if changed.path in _SCRIPT_INPUTS else path
    for line in changed.lines[:_MAX_LINES]:
        text = shorten_opaque(escape_invisible(line.text))
        if line.mark != "@":
            yield Text(f"{line.mark} {text}", style=_LINE_STYLES[line.mark])
        elif title := ": ".join(part for part in (name, text) if part):
            yield Text(title, style=_LINE_STYLES["@"])
    if (more := len(changed.lines) - _MAX_LINES) > 0:
        yield Text(f"… {more} more {pluralize(more, 'line')} {_RAW_HINT}", style=_LINE_STYLES["@"])


def _total_lines(report: Report) -> RenderableType:
    counts = [(report.count(operation), operation.value) for operation in CHANGING]
    text = ", ".join(f"{number} {name}" for number, name in counts if number)
    lines = [Text(f"Resources: {text}, {report.unchanged} unchanged")]
    if report.cost:
        lines.append(Text(escape_invisible(report.cost.text)))
    return Group(*lines)


def _create_table(*head: str) -> Table:
    table = Table(*head, box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for column in table.columns:
        column.overflow = "fold"
    return table
