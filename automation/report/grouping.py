"""Groups identical changes, so that a report shows the same lines on five hundred nodes only once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from automation.report.model import Operation, Property, ResourceChange
from formats.lists import shorten_list

REAPPLIED = "applied again"
"""The text for a change in which no input differs."""
_NUMBERED = re.compile(r"(.*?)(\d+)")


@dataclass(frozen=True, slots=True)
class ChangeGroup:
    """A group of changes of one component with the same operation, role and changed lines.

    `names` are host names if `hosts` is true, else resource names.
    """

    component: str
    operation: Operation
    role: str
    properties: tuple[Property, ...]
    names: tuple[str, ...]
    hosts: bool

    @property
    def reapplied(self) -> bool:
        """Check whether the engine plans to change the resources although no input differs.

        Only the update shows whether the resources really change.
        """
        return self.operation is Operation.CHANGE and not self.properties

    @property
    def description(self) -> str:
        """Return the operation of the group as text."""
        return REAPPLIED if self.reapplied else self.operation.value

    @property
    def count_text(self) -> str:
        """Return the number of hosts or resources as text."""
        kind = "host" if self.hosts else "resource"
        return f"{len(self.names)} {pluralize(len(self.names), kind)}"


def group_changes(changes: Iterable[ResourceChange]) -> list[ChangeGroup]:
    """Return the groups of changes in the order of their first change."""
    grouped: dict[tuple[object, ...], list[ResourceChange]] = {}
    for change in changes:
        key = (change.component, change.operation, change.role, bool(change.host), change.properties)
        grouped.setdefault(key, []).append(change)
    return [_make_group(members) for members in grouped.values()]


def _make_group(changes: Sequence[ResourceChange]) -> ChangeGroup:
    first = changes[0]
    # A delivery is grouped by the name of its host, other resources of a host by their own names.
    hosts = bool(first.role and first.host)
    names = tuple(change.host if hosts else change.name for change in changes)
    return ChangeGroup(first.component, first.operation, first.role, first.properties, names, hosts)


def compress_names(names: Sequence[str], maximum: int = 8) -> str:
    """Replace three or more consecutively numbered names by a range: `w-1 … w-999`."""
    ranges: list[list[str]] = []
    for name in names:
        if ranges and _follows(ranges[-1][-1], name):
            ranges[-1].append(name)
        else:
            ranges.append([name])
    texts: list[str] = []
    for names_in_range in ranges:
        first, last = names_in_range[0], names_in_range[-1]
        texts += [f"{first} … {last}"] if len(names_in_range) > 2 else names_in_range
    return shorten_list(texts, maximum)


def _follows(name: str, next_name: str) -> bool:
    """Check whether two names have the same text and consecutive numbers, such as `w-1` and `w-2`."""
    first, second = _NUMBERED.fullmatch(name), _NUMBERED.fullmatch(next_name)
    if first is None or second is None or first[1] != second[1]:
        return False
    return int(second[2]) == int(first[2]) + 1


def pluralize(number: int, word: str) -> str:
    """Return the word unchanged for the number 1, else with the plural ending `s`."""
    return word if number == 1 else f"{word}s"
