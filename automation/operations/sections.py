"""The format in which programs on hosts report facts: sections that begin with a line `@name argument`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_END = "end"
"""The name of the last section of a complete output."""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of an output. `lines` follow the line `@name argument`, without empty lines and margins."""

    name: str
    argument: str
    lines: tuple[str, ...]


def parse_sections(output: str) -> list[Section]:
    """Return the sections of the output of a host. Raise ValueError when the output is incomplete."""
    sections = list(_split_sections(output))
    if sections[-1].name != _END:
        raise ValueError("the output of the host is incomplete")
    return sections


def _split_sections(output: str) -> Iterator[Section]:
    name, argument, lines = "", "", list[str]()
    for line in output.splitlines():
        if line.startswith("@"):
            yield Section(name, argument, tuple(lines))
            name, _, argument = line[1:].partition(" ")
            lines = []
        elif line.strip():
            lines.append(line.strip())
    yield Section(name, argument, tuple(lines))
