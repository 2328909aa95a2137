"""Report of several rounds: medians as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.rounds import Round
from benchmarks.timeline import PARTS

Row = tuple[str, str, str, str]
"""A table row: part, median seconds, begin and end in seconds after the start, description."""


def rows(rounds: Sequence[Round]) -> list[Row]:
    """Return the rows of the table. Parts without a measurement are omitted."""
    table: list[Row] = [
        (
            "**up, whole**",
            _span([r.up for r in rounds]),
            "",
            "from no hosts to nodes Ready and add-ons available",
        )
    ]
    for part, meaning in PARTS:
        measured = [r.parts[part] for r in rounds if part in r.parts]
        if measured:
            begin, end = median(span.begin for span in measured), median(span.end for span in measured)
            length = median(span.end - span.begin for span in measured)
            table.append((part, f"{length:.1f}", f"{begin:.1f} - {end:.1f}", meaning))
    table.append(("**second preview**", _span([r.preview for r in rounds]), "", "empty"))
    table.append(("**down**", _span([r.down for r in rounds]), "", "cluster and hosts"))
    return table


def _span(values: Sequence[float]) -> str:
    """Return the median and, for several values, the range as text."""
    shown = f"{median(values):.1f}"
    return shown if len(values) == 1 else f"{shown} ({min(values):.1f} - {max(values):.1f})"


def markdown(rounds: Sequence[Round], machine: str) -> str:
    """Return the text of docs/benchmarks.md. `machine` is a line that describes the machine."""
    lines = [
        "# How long a cluster takes",
        "",
        f"Written by `make bench` (`python -m benchmarks --write`): medians of {len(rounds)} rounds",
        f"with warm caches. {machine}",
        "",
        "| part | seconds | from - to | what |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows(rounds)),
        "",
        "Parts overlap: etcd starts before the last certificate is created.",
    ]
    return "\n".join(lines) + "\n"
