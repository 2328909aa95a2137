"""Drift detection: turn a delivered script into a comparison that changes nothing [J3]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nodeconfig.render import LOAD_PROGRAM
from nodeconfig.sources import read_source

_LAST = "compared"


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between a host and its delivery. `kind` is file, directory, artifact, service, kernel or
    role.
    """

    kind: str
    what: str
    how: str


def comparison_script(script: str) -> str:
    """Return a script that compares instead of installing.

    `script` is a delivered script of any release. The comparison reads the same standard input. Raise
    ValueError for a text that is no delivered script.
    """
    before, separator, after = script.partition(LOAD_PROGRAM + "\n")
    if not separator:
        raise ValueError("not a delivered script")
    return f"{before}{separator}{read_source('drift.sh')}{after}"


def parse_differences(output: str) -> list[Difference]:
    """Return the differences in the output of a comparison. Raise ValueError if the comparison did not
    complete.
    """
    lines = list(_parse_lines(output))
    if not lines or lines[-1].kind != _LAST:
        raise ValueError("the comparison did not complete")
    return lines[:-1]


def _parse_lines(output: str) -> Iterator[Difference]:
    for line in output.splitlines():
        words = line.split("\t")
        if len(words) == 3:
            yield Difference(*words)
