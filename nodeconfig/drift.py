"""A bundle's script as one that compares and changes nothing [J3]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PROGRAM = '. "$1/host.sh"\n'
_LAST = "compared"


@dataclass(frozen=True, slots=True)
class Difference:
    """What on a host is not as delivered. `kind`: file, directory, artifact, service, kernel or role."""

    kind: str
    what: str
    how: str


def comparing(script: str) -> str:
    """A script of `nodeconfig.render.script`, of any version, with the comparison in place of the commit.

    It takes the same standard input. Raises ValueError for a text that is no such script.
    """
    before, found, after = script.partition(_PROGRAM)
    if not found:
        raise ValueError("not a script for a host")
    return f"{before}{_PROGRAM}{_comparison()}{after}"


def differences(output: str) -> list[Difference]:
    """What the script printed. Raises ValueError when it did not reach its end."""
    lines = list(_lines(output))
    if not lines or lines[-1].kind != _LAST:
        raise ValueError("the comparison ended early")
    return lines[:-1]


def _lines(output: str) -> Iterator[Difference]:
    for line in output.splitlines():
        words = line.split("\t")
        if len(words) == 3:
            yield Difference(*words)


@cache
def _comparison() -> str:
    return (Path(__file__).parent / "host" / "drift.sh").read_text()
