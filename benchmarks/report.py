"""The medians of several rounds as a table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.rounds import Round
from benchmarks.timeline import PARTS

Row = tuple[str, str, str, str]
"""Part, median seconds, from-to in seconds after the start, what it is."""


def rows(rounds: Sequence[Round]) -> list[Row]:
    """The table's rows; parts that no round has seen are left out."""
    table: list[Row] = [
        ("**up, whole**", _span([r.up for r in rounds]), "", "no hosts to: nodes Ready, add-ons available")
    ]
    for part, meaning in PARTS:
        seen = [r.parts[part] for r in rounds if part in r.parts]
        if seen:
            when = f"{median(s.begin for s in seen):.1f} - {median(s.end for s in seen):.1f}"
            table.append((part, f"{median(s.end - s.begin for s in seen):.1f}", when, meaning))
    table.append(("**second preview**", _span([r.preview for r in rounds]), "", "empty"))
    table.append(("**down**", _span([r.down for r in rounds]), "", "cluster and hosts"))
    return table


def _span(values: Sequence[float]) -> str:
    """The median, and the range it was found in."""
    shown = f"{median(values):.1f}"
    return shown if len(values) == 1 else f"{shown} ({min(values):.1f} - {max(values):.1f})"


def markdown(rounds: Sequence[Round], machine: str) -> str:
    """The table for docs/benchmarks.md. `machine`: one line about where it was measured."""
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
        "Parts overlap where the work does: etcd starts before the last certificate is made.",
    ]
    return "\n".join(lines) + "\n"
