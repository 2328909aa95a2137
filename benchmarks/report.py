"""Report of the benchmark of `up`: medians of several rounds as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.rounds import RoundTimes
from benchmarks.timeline import PARTS

Row = tuple[str, str, str, str]
"""A table row: part, median seconds, begin and end in seconds after the start, description."""


def rows(rounds: Sequence[RoundTimes]) -> list[Row]:
    """Return the rows of the table. Parts without a measurement are omitted."""
    table: list[Row] = [
        (
            "**up, whole**",
            _median_with_range([times.up for times in rounds]),
            "",
            "from no hosts to nodes Ready and add-ons available",
        )
    ]
    for part, meaning in PARTS:
        part_spans = [times.parts[part] for times in rounds if part in times.parts]
        if part_spans:
            begin, end = median(span.begin for span in part_spans), median(span.end for span in part_spans)
            length = median(span.end - span.begin for span in part_spans)
            table.append((part, f"{length:.1f}", f"{begin:.1f} - {end:.1f}", meaning))
    table.append(("**second preview**", _median_with_range([times.preview for times in rounds]), "", "empty"))
    table.append(("**down**", _median_with_range([times.down for times in rounds]), "", "cluster and hosts"))
    return table


def _median_with_range(values: Sequence[float]) -> str:
    """Return the median and, for several values, the range as text."""
    shown = f"{median(values):.1f}"
    return shown if len(values) == 1 else f"{shown} ({min(values):.1f} - {max(values):.1f})"


def markdown(rounds: Sequence[RoundTimes], machine: str) -> str:
    """Return the part of docs/benchmarks.md that `make bench` writes. `machine` is a line that describes the
    machine.
    """
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


def replace_table(document: str, table: str) -> str:
    """Return the text of docs/benchmarks.md with a new table. Keep its sections: other tests measure them."""
    start = document.find("\n## ")
    return table if start < 0 else table + document[start:]
