"""Drift detection [J3]: a script that compares a host with its last delivery and changes nothing, and one
that repairs the host.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nodeconfig.render import LOAD_PROGRAM
from nodeconfig.sources import read_source

_END_KIND = "compared"
"""The kind in the last line of the output of a complete comparison."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between a host and its delivery.

    `kind` is file, directory, artifact, service, kernel, packet filter or role. `subject` is the path, unit,
    kernel setting, table or role. `description` continues the sentence, such as "is missing".
    """

    kind: str
    subject: str
    description: str


def comparison_script(script: str) -> str:
    """Return a script that compares a host with a delivery and installs nothing.

    `script` is a delivered script of any release. The comparison reads the payload of the
    delivery from standard input. Raise ValueError for a text that is no delivered script.
    """
    own = "".join(read_source(name) for name in ("packet-filter.sh", "stored-content.sh", "drift.sh"))
    return _with_lines_after_program(script, own)


def repair_script(script: str) -> str:
    """Return a delivered script that also installs artifacts again whose stored content was changed.

    Other deliveries do not read the stored artifacts, which takes seconds. Host programs of earlier releases
    ignore the variable. Raise ValueError for a text that is no delivered script.
    """
    return _with_lines_after_program(script, "CHECK_ARTIFACTS=yes\n")


def _with_lines_after_program(script: str, lines: str) -> str:
    """Return a delivered script with lines of sh after the line that loads the host program."""
    head, separator, tail = script.partition(LOAD_PROGRAM + "\n")
    if not separator:
        raise ValueError("not a delivered script")
    return f"{head}{separator}{lines}{tail}"


def parse_differences(output: str) -> list[Difference]:
    """Return the differences in the output of a comparison. Raise ValueError if the comparison did not
    complete.
    """
    lines = list(_parse_difference_lines(output))
    if not lines or lines[-1].kind != _END_KIND:
        raise ValueError("the comparison did not complete")
    return lines[:-1]


def _parse_difference_lines(output: str) -> Iterator[Difference]:
    for line in output.splitlines():
        fields = line.split("\t")
        if len(fields) == 3:
            yield Difference(*fields)
