"""A report as a comment in Markdown: the picture in Mermaid, the very lines, short enough to be posted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from automation.report.grouping import Group, groups, some
from automation.report.model import Cost, Level, Operation, Property, Report
from automation.report.picture import joined, mermaid
from automation.report.sanitize import printable

LONGEST = 65_536
"""Characters that GitHub takes in a comment; GitLab takes more."""
_RESERVED = 700
"""Characters kept for the words about what was left out."""
_LONGEST_PROPERTY = 60
"""Lines of one input; of more the first are shown."""
_LONGEST_LINE = 2000
"""Characters of one line."""
_LONGEST_SAID = 20
"""Errors, warnings and broken policies of each kind that are shown."""
_SIGNS = {Level.HIGH: "🔴", Level.MEDIUM: "🟠", Level.LOW: "🟡"}
# Checksums, and certificates in base64: nobody reads them, and whole they would fill the comment.
_LONG = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b|\b([A-Za-z0-9+/]{12})[A-Za-z0-9+/]{108,}=*")
_NONE = "(the program itself)"


def markdown(report: Report, *, longest: int = LONGEST) -> str:
    """The comment, of at most `longest` characters."""
    text = "\n\n".join(part for part in _head(report) if part)
    if report.errors and not report.changes:
        return _cut(text + "\n", longest)
    room = longest - _RESERVED
    text = _cut(text, room)
    left = 0
    component = None
    for group in groups(report.changes):
        heading = f"\n\n#### {_plain(group.component) or _NONE}" if group.component != component else ""
        block = f"{heading}\n\n{_block(group)}"
        if left or len(text) + len(block) > room:
            left += len(group.names)
            continue
        component = group.component
        text += block
    if left:
        text += (
            f"\n\n**{left} more {_plural(left, 'change')} left out**: a comment holds {longest} characters. "
            "All of them are in the HTML report, and in `kubewright preview`."
        )
    return text + "\n"


def _head(report: Report) -> Iterator[str]:
    yield f"### Stack `{_plain(report.stack)}`: {_verdict(report)}"
    yield _said("Errors", report.errors)
    yield _violations(report)
    yield _risks(report)
    yield _said("Warnings", report.warnings)
    if not report.changes:
        return
    yield _counts(report)
    yield _cost(report.cost)
    drawing = mermaid(joined(report.before, report.after))
    yield f"```mermaid\n{drawing}\n```" if drawing else ""


def _verdict(report: Report) -> str:
    if report.errors:
        return "❌ cannot be previewed"
    if any(violation.mandatory for violation in report.violations):
        return "⛔ stopped by a policy"
    if not report.changes:
        return "✅ nothing to do"
    level = report.level
    risk = f"{_SIGNS[level]} {level.value} risk" if level else "🟢 no risk known"
    return f"{len(report.changes)} {_plural(len(report.changes), 'change')}, {risk}"


def _counts(report: Report) -> str:
    operations = (Operation.CREATE, Operation.CHANGE, Operation.REPLACE, Operation.DELETE)
    numbers = [str(report.count(operation)) for operation in operations]
    names = [operation.value for operation in operations]
    return _table([*names, "unchanged"], [[*numbers, str(report.unchanged)]])


def _risks(report: Report) -> str:
    if not report.risks:
        return ""
    rows = [
        [f"{_SIGNS[risk.level]} {risk.level.value}", risk.text, some(list(map(_plain, risk.subjects)))]
        for risk in report.risks
    ]
    return _table(["risk", "this change", "where"], rows)


def _violations(report: Report) -> str:
    if not report.violations:
        return ""
    shown = report.violations[:_LONGEST_SAID]
    rows = [
        ["⛔ mandatory" if each.mandatory else "advisory", f"`{_plain(each.policy)}`", _cell(each.message)]
        for each in shown
    ]
    more = len(report.violations) - len(shown)
    return _table(["policy", "rule", "what is wrong"], rows) + (f"\n\nand {more} more" if more else "")


def _cost(cost: Cost | None) -> str:
    if cost is None:
        return ""
    unknown = f" (no price for {some(list(map(_plain, cost.unknown)))})" if cost.unknown else ""
    difference = cost.after - cost.before
    return f"Machines: {cost.before:.2f} → {cost.after:.2f} per hour ({difference:+.2f}){unknown}"


def _block(group: Group) -> str:
    """A group of changes, its lines folded away."""
    number = len(group.names)
    kind = "host" if group.hosts else "resource"
    role = f" ({group.role})" if group.role else ""
    many = f", {number} {_plural(number, kind)}" if number > 1 else ""
    names = some(list(map(_plain, group.names)))
    title = f"- **{group.what}**{role} {names}{many}"
    if group.repeated:
        return f"{title}: no input differs; the connection to the API is known only then"
    details = "\n\n".join(_property(found) for found in group.properties)
    return f"{title}\n\n{_indented(details)}" if details else title


def _property(found: Property) -> str:
    path = _plain(found.path)
    if found.secret:
        return f"`{path}`: a secret value changes"
    shown = found.lines[:_LONGEST_PROPERTY]
    # The place of a difference goes where every viewer of differences looks for it.
    lines = [f"@@ {each.text or '…'} @@" if each.mark == "@" else each.mark + each.text for each in shown]
    lines = [_short(_LONG.sub(r"\1\2…", line)) for line in lines]
    more = len(found.lines) - len(shown)
    lines += [f"@@ {more} lines more @@"] if more else []
    return f"`{path}`\n\n{_fenced(lines, 'diff')}"


def _said(title: str, texts: Sequence[str]) -> str:
    """What was said, as it is: in a fence nothing in it is Markdown, a mention or HTML."""
    if not texts:
        return ""
    shown = list(texts[:_LONGEST_SAID])
    more = len(texts) - len(shown)
    lines = [_short(line) for text in shown for line in text.splitlines()[:_LONGEST_PROPERTY]]
    return f"**{title}**\n\n{_fenced(lines + ([f'and {more} more'] if more else []), '')}"


def _short(line: str) -> str:
    """The line, or its beginning: one that is longer than a comment would leave nothing of it."""
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…"


def _fenced(lines: Sequence[str], language: str) -> str:
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}{language}", *map(printable, lines), fence])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """A text in a table: no row or mention can begin in it."""
    words = " ".join(printable(text).split())
    return re.sub(r"([\\`*_{}\[\]<>|@#])", r"\\\1", words).replace("\\@", "@\u200b")


def _plain(text: str) -> str:
    """A name that stands between backticks, or in a heading."""
    return re.sub(r"[`|<>\r\n]", " ", printable(text))


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.splitlines())


def _plural(number: int, word: str) -> str:
    return word if number == 1 else f"{word}s"


def _cut(text: str, longest: int) -> str:
    """The text, or its beginning with every fence closed."""
    if len(text) <= longest:
        return text
    begun = text[: longest - 100].rpartition("\n")[0]
    opened = [line.strip() for line in begun.splitlines() if line.strip().startswith("```")]
    fence = re.match(r"`+", opened[-1]) if len(opened) % 2 else None
    return begun + (f"\n{fence[0]}" if fence else "") + "\n\n… cut off here\n"
