"""Renders a report as Markdown for a comment: risks, a picture in Mermaid and the changed lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from automation.report.grouping import ChangeGroup, group_changes, pluralize
from automation.report.model import CHANGING, Level, Property, Report
from automation.report.picture import join_pictures, render_mermaid
from automation.report.sanitize import escape_invisible, shorten_opaque
from formats.lists import shorten_list

MAX_LENGTH = 65_536
"""Maximum number of characters of a comment on GitHub. The limit of GitLab is higher."""
_RESERVED = 700
"""Number of characters reserved for the note about omitted changes."""
_MAX_LINES = 60
"""Maximum number of lines shown for an input or a message."""
_MAX_LINE_LENGTH = 2000
_MAX_MESSAGES = 20
"""Maximum number of errors, warnings and violations shown."""
_ICONS = {Level.HIGH: "🔴", Level.MEDIUM: "🟠", Level.LOW: "🟡"}
_NO_COMPONENT = "(program)"


def render_markdown(report: Report, *, max_length: int = MAX_LENGTH) -> str:
    """Return the report as Markdown with at most `max_length` characters."""
    text = "\n\n".join(part for part in _summary_sections(report) if part)
    if report.errors and not report.changes:
        return _truncate(text + "\n", max_length)
    available_length = max_length - _RESERVED
    text = _truncate(text, available_length)
    omitted = 0
    component = None
    for group in group_changes(report.changes):
        heading = (
            f"\n\n#### {_safe_name(group.component) or _NO_COMPONENT}" if group.component != component else ""
        )
        block = f"{heading}\n\n{_group_section(group)}"
        if omitted or len(text) + len(block) > available_length:
            omitted += len(group.names)
            continue
        component = group.component
        text += block
    if omitted:
        text += (
            f"\n\n**{omitted} more {pluralize(omitted, 'change')} omitted**: a comment holds {max_length} "
            "characters. The HTML report and `kubewright preview --raw` show all changes."
        )
    return text + "\n"


def _summary_sections(report: Report) -> Iterator[str]:
    """Yield the Markdown of each section that comes before the list of changes.

    The text is empty for a section that does not apply to the report.
    """
    yield f"### Stack `{_safe_name(report.stack)}`: {_verdict(report)}"
    yield _message_section("Errors", report.errors)
    yield _violation_table(report)
    yield _risk_table(report)
    yield _message_section("Warnings", report.warnings)
    if not report.changes:
        return
    yield _count_table(report)
    yield _safe_name(report.cost.text) if report.cost else ""
    drawing = render_mermaid(join_pictures(report.before, report.after))
    yield f"```mermaid\n{drawing}\n```" if drawing else ""


def _verdict(report: Report) -> str:
    if report.errors:
        return "❌ preview failed"
    if any(violation.mandatory for violation in report.violations):
        return "⛔ stopped by a policy"
    if not report.changes:
        return "✅ no changes"
    level = report.level
    risk = f"{_ICONS[level]} {level.value} risk" if level else "🟢 no known risk"
    return f"{len(report.changes)} {pluralize(len(report.changes), 'change')}, {risk}"


def _count_table(report: Report) -> str:
    numbers = [str(report.count(operation)) for operation in CHANGING]
    names = [operation.value for operation in CHANGING]
    return _format_table([*names, "unchanged"], [[*numbers, str(report.unchanged)]])


def _risk_table(report: Report) -> str:
    if not report.risks:
        return ""
    rows = [
        [
            f"{_ICONS[risk.level]} {risk.level.value}",
            risk.text,
            _shorten_names(risk.subjects),
        ]
        for risk in report.risks
    ]
    return _format_table(["risk", "this change", "where"], rows)


def _violation_table(report: Report) -> str:
    if not report.violations:
        return ""
    shown = report.violations[:_MAX_MESSAGES]
    rows = [
        [
            "⛔ mandatory" if each.mandatory else "advisory",
            f"`{_safe_name(each.policy)}`",
            _escape_cell(each.message),
        ]
        for each in shown
    ]
    more = len(report.violations) - len(shown)
    return _format_table(["enforcement", "policy", "violation"], rows) + (
        f"\n\nand {more} more" if more else ""
    )


def _group_section(group: ChangeGroup) -> str:
    """Return the Markdown of a group of changes with its changed lines."""
    role = f" ({group.role})" if group.role else ""
    count = f", {group.count_text}" if len(group.names) > 1 else ""
    names = _shorten_names(group.names)
    title = f"- **{group.description}**{role} {names}{count}"
    if group.reapplied:
        return f"{title}: no input differs, but the API connection is unknown before the update"
    details = "\n\n".join(_property_section(changed) for changed in group.properties)
    return f"{title}\n\n{_indent(details)}" if details else title


def _property_section(changed: Property) -> str:
    """Return the Markdown of a changed input: its name and its changed lines."""
    path = _safe_name(changed.path)
    if changed.secret:
        return f"`{path}`: a secret value changes"
    shown = changed.lines[:_MAX_LINES]
    # Viewers of diffs expect the location between @@.
    lines = [f"@@ {each.text or '…'} @@" if each.mark == "@" else each.mark + each.text for each in shown]
    lines = [_shorten_line(shorten_opaque(line)) for line in lines]
    more = len(changed.lines) - len(shown)
    lines += [f"@@ {more} more lines @@"] if more else []
    return f"`{path}`\n\n{_code_block(lines, 'diff')}"


def _message_section(title: str, texts: Sequence[str]) -> str:
    """Return messages inside a code fence, where no text can act as Markdown, a mention or HTML."""
    if not texts:
        return ""
    shown = list(texts[:_MAX_MESSAGES])
    more = len(texts) - len(shown)
    lines = [_shorten_line(line) for text in shown for line in text.splitlines()[:_MAX_LINES]]
    return f"**{title}**\n\n{_code_block(lines + ([f'and {more} more'] if more else []), '')}"


def _shorten_line(line: str) -> str:
    """Return the line, truncated to `_MAX_LINE_LENGTH` characters so that it does not fill the comment."""
    return line if len(line) <= _MAX_LINE_LENGTH else f"{line[:_MAX_LINE_LENGTH]}…"


def _code_block(lines: Sequence[str], language: str) -> str:
    """Return a fenced code block. No line of the block can close the fence."""
    longest_run = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest_run + 1)
    return "\n".join([f"{fence}{language}", *map(escape_invisible, lines), fence])


def _format_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escape_cell(text: str) -> str:
    """Return text for a table cell, escaped so that it cannot begin a new row or mention a user."""
    words = " ".join(escape_invisible(text).split())
    return re.sub(r"([\\`*_{}\[\]<>|@#])", r"\\\1", words).replace("\\@", "@\u200b")


def _shorten_names(names: Sequence[str]) -> str:
    """Return the first eight names as code, and the number of the remaining names."""
    return shorten_list([f"`{_safe_name(name)}`" for name in names], 8)


def _safe_name(text: str) -> str:
    """Return a name that is safe between backticks and in a heading."""
    return re.sub(r"[`|<>\r\n]", " ", escape_invisible(text))


def _indent(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.splitlines())


def _truncate(text: str, max_length: int) -> str:
    """Return Markdown with at most `max_length` characters.

    If the text is cut inside a code block, close the code fence.
    """
    if len(text) <= max_length:
        return text
    beginning = text[: max_length - 100].rpartition("\n")[0]
    fences = [line.strip() for line in beginning.splitlines() if line.strip().startswith("```")]
    fence = re.match(r"`+", fences[-1]) if len(fences) % 2 else None
    return beginning + (f"\n{fence[0]}" if fence else "") + "\n\n… truncated\n"
