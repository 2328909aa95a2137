"""The results of checks as tables and as JSON."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from automation.operations.cis.evaluation import CLUSTER, Result, inapplicable_sections
from automation.operations.cis.judges import Outcome
from automation.operations.cis.table import BENCHMARK
from topology.model import Role

_WIDTH = 160  # columns
_STYLES = {Outcome.FAIL: "red", Outcome.WARN: "yellow"}


def as_json(stack: str, results: Sequence[Result], errors: Mapping[str, str]) -> str:
    """Return the results as a JSON document."""
    document = {
        "benchmark": BENCHMARK,
        "stack": stack,
        "summary": _count(results),
        "errors": [{"host": host, "reason": reason} for host, reason in errors.items()],
        "results": [
            {
                "host": result.host,
                "id": result.check.id,
                "title": result.check.title,
                "result": result.verdict.outcome,
                "detail": result.verdict.detail,
            }
            for result in results
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def as_tables(
    roles: Mapping[str, Sequence[Role]], results: Sequence[Result], errors: Mapping[str, str]
) -> RenderableType:
    """Return a table for each host and for the cluster, then errors and a summary.

    A section that does not apply to a host is one row. `roles` are the roles by host.
    """
    by_host = {host: [row for row in results if row.host == host] for host in (*roles, CLUSTER)}
    tables = [_host_table(host, roles.get(host), rows) for host, rows in by_host.items() if rows]
    return Group(*tables, *_closing_lines(results, errors))


def as_plain_text(tables: RenderableType) -> str:
    """Return tables as text without colors, for a file."""
    console = Console(file=io.StringIO(), width=_WIDTH, color_system=None)
    with console.capture() as captured:
        console.print(tables)
    return captured.get()


def _host_table(host: str, roles: Sequence[Role] | None, rows: Sequence[Result]) -> RenderableType:
    title = "Policies in the API" if roles is None else f"Host {host}"
    table = Table("id", "result", "check", "detail", title=title, title_justify="left")
    skipped = list(inapplicable_sections(roles)) if roles is not None else []
    ids = {section.section for section, _ in skipped}
    for row in rows:
        if row.check.section not in ids:
            outcome = row.verdict.outcome
            style = _STYLES.get(outcome, "")
            table.add_row(row.check.id, outcome.value, row.check.title, row.verdict.detail, style=style)
    for section, reason in skipped:
        table.add_row(section.section, Outcome.NOT_APPLICABLE.value, section.title, reason)
    return table


def _closing_lines(results: Sequence[Result], errors: Mapping[str, str]) -> Iterator[Text]:
    for host, reason in errors.items():
        yield Text(f"{host}: not checked: {reason}", style="red")
    counts = _count(results)
    text = ", ".join(f"{counts[outcome]} {outcome}" for outcome in counts)
    yield Text(f"{BENCHMARK}: {text}{f', {len(errors)} not checked' if errors else ''}")
    if counts[Outcome.WARN]:
        yield Text("docs/cis.md has the reason of each warning")


def _count(results: Sequence[Result]) -> dict[str, int]:
    """Return the number of results by outcome."""
    counter = Counter(result.verdict.outcome for result in results)
    return {outcome.value: counter[outcome] for outcome in Outcome}
