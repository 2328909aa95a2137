"""Reports as one page: nothing else is needed to show it, and nothing is fetched by it.

Built as a tree and not of texts, so that whatever stands in a name or an error is text on the page.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from automation.report.grouping import Group, groups
from automation.report.model import Operation, Property, Report
from automation.report.picture import svg
from automation.report.sanitize import printable

_SVG = "http://www.w3.org/2000/svg"
_LINK = "http://www.w3.org/1999/xlink"
# Only our own style: were a script ever to slip in, it would not run.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }
body { color: #1f2328 }
h2 { border-bottom: 1px solid #d0d7de; padding-bottom: .3rem; margin-top: 3rem }
table { border-collapse: collapse; margin: 1rem 0 }
table.changes { table-layout: fixed; width: 100% }
table.changes th:nth-child(1) { width: 11rem } table.changes th:nth-child(2) { width: 5rem }
table.changes th:nth-child(3) { width: 7rem } table.changes th:nth-child(4) { width: 10rem }
th, td { border: 1px solid #d0d7de; padding: .3rem .7rem; text-align: left; vertical-align: top }
pre { background: #f6f8fa; padding: .7rem; overflow-x: auto; border-radius: 6px; margin: .3rem 0 }
pre span { display: block; width: max-content; min-width: 100% }
.plus { background: #dafbe1 } .minus { background: #ffebe9 } .place { color: #0969da }
.pictures { display: flex; flex-wrap: wrap; gap: 2rem } .pictures svg { max-width: 100%; height: auto }
.high { color: #cf222e; font-weight: 600 } .medium { color: #9a6700; font-weight: 600 }
.low { color: #57606a } summary { cursor: pointer }
.error { border-left: 4px solid #cf222e } .warning { border-left: 4px solid #9a6700 }
"""
_MARKS = {"+": "plus", "-": "minus", "@": "place", " ": "same"}
_OPERATIONS = (Operation.CREATE, Operation.CHANGE, Operation.REPLACE, Operation.DELETE)
ET.register_namespace("", _SVG)
ET.register_namespace("xlink", _LINK)


def page(reports: Sequence[Report]) -> str:
    """The page of these stacks. Raises `UserError` where Graphviz is missing."""
    html = ET.Element("html", lang="en")
    head = ET.SubElement(html, "head")
    ET.SubElement(head, "meta", charset="utf-8")
    ET.SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY})
    _add(head, "title", f"Preview of {', '.join(report.stack for report in reports)}")
    _add(head, "style", _STYLE)
    body = ET.SubElement(html, "body")
    _add(body, "h1", "What will change")
    for report in reports:
        _stack(ET.SubElement(body, "section", id=f"stack-{report.stack}"), report)
    return "<!DOCTYPE html>\n" + ET.tostring(html, encoding="unicode", method="html") + "\n"


def _stack(into: ET.Element, report: Report) -> None:
    _add(into, "h2", f"Stack {report.stack}")
    _said(into, "error", report.errors)
    _rows(into, "policies", ("policy", "resource", "what is wrong", ""), _violations(report))
    _risks(into, report)
    _said(into, "warning", report.warnings)
    if not report.changes:
        if not report.errors:
            _add(into, "p", "Nothing to do.")
        return
    counts = [str(report.count(operation)) for operation in _OPERATIONS]
    names = [operation.value for operation in _OPERATIONS]
    _rows(into, "counts", (*names, "unchanged"), [[*counts, str(report.unchanged)]])
    _cost(into, report)
    _pictures(into, report)
    _changes(into, report)


def _risks(into: ET.Element, report: Report) -> None:
    if not report.risks:
        return
    table = _table(into, "risks", ("risk", "this change", "where"))
    for risk in report.risks:
        row = ET.SubElement(table, "tr")
        _add(row, "td", risk.level.value, risk.level.value)
        _add(row, "td", risk.text)
        _add(row, "td", ", ".join(risk.subjects))


def _violations(report: Report) -> list[list[str]]:
    return [
        [each.policy, each.resource, each.message, "mandatory" if each.mandatory else "advisory"]
        for each in report.violations
    ]


def _cost(into: ET.Element, report: Report) -> None:
    if report.cost is None:
        return
    before, after = report.cost.before, report.cost.after
    unknown = f"; no price is known of {', '.join(report.cost.unknown)}" if report.cost.unknown else ""
    text = f"Machines: {before:.2f} → {after:.2f} per hour ({after - before:+.2f}){unknown}"
    _add(into, "p", text, "cost")


def _pictures(into: ET.Element, report: Report) -> None:
    if not report.before.hosts and not report.after.hosts:
        return
    pictures = ET.SubElement(into, "div", {"class": "pictures"})
    for title, picture in (("before", report.before), ("after", report.after)):
        if picture.hosts:
            drawing = ET.fromstring(svg(picture, title))
            drawing.set("id", f"{title}-{report.stack}")
            pictures.append(drawing)


def _changes(into: ET.Element, report: Report) -> None:
    _add(into, "h3", "Changes")
    table = _table(into, "changes", ("component", "", "role", "on", "what"))
    for group in groups(report.changes):
        row = ET.SubElement(table, "tr", {"class": group.operation.value})
        for text in (group.component, group.what, group.role, ", ".join(group.names)):
            _add(row, "td", text)
        _lines(ET.SubElement(row, "td"), group)


def _lines(into: ET.Element, group: Group) -> None:
    for found in group.properties:
        if found.secret:
            _add(into, "p", f"{found.path}: a secret value changes")
            continue
        details = ET.SubElement(into, "details", {"open": "open"} if len(found.lines) < 40 else {})
        _add(details, "summary", found.path)
        _difference(ET.SubElement(details, "pre"), found)


def _difference(into: ET.Element, found: Property) -> None:
    for line in found.lines:
        text = line.text or "…" if line.mark == "@" else f"{line.mark} {line.text}"
        _add(into, "span", text, _MARKS[line.mark])


def _said(into: ET.Element, kind: str, texts: Sequence[str]) -> None:
    for text in texts:
        _add(into, "pre", text, kind)


def _rows(into: ET.Element, name: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        table = _table(into, name, head)
        for cells in rows:
            row = ET.SubElement(table, "tr")
            for cell in cells:
                _add(row, "td", cell)


def _table(into: ET.Element, name: str, head: Sequence[str]) -> ET.Element:
    table = ET.SubElement(into, "table", {"class": name})
    row = ET.SubElement(table, "tr")
    for title in head:
        _add(row, "th", title)
    return table


def _add(into: ET.Element, tag: str, text: str, kind: str = "") -> None:
    element = ET.SubElement(into, tag, {"class": kind} if kind else {})
    element.text = printable(text)
