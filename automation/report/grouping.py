"""Changes that are alike, told once: the same lines on five hundred nodes are one thing to read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from automation.report.model import Change, Operation, Property

REPEATED = "applied again"
"""What happens to a resource of which no input differs."""


@dataclass(frozen=True, slots=True)
class Group:
    """Changes of one component that do the same with the same lines."""

    component: str
    operation: Operation
    role: str
    properties: tuple[Property, ...]
    names: tuple[str, ...]
    """Hosts where the changes are of hosts, else resources."""
    hosts: bool

    @property
    def repeated(self) -> bool:
        """Whether nothing differs: the engine only cannot know so beforehand."""
        return self.operation is Operation.CHANGE and not self.properties

    @property
    def what(self) -> str:
        """In words."""
        return REPEATED if self.repeated else self.operation.value


def groups(changes: Iterable[Change]) -> list[Group]:
    """The changes in groups, in the order in which each begins."""
    found: dict[tuple[object, ...], list[Change]] = {}
    for change in changes:
        key = (change.component, change.operation, change.role, bool(change.host), change.properties)
        found.setdefault(key, []).append(change)
    return [_group(alike) for alike in found.values()]


def _group(alike: Sequence[Change]) -> Group:
    first = alike[0]
    # A delivery is known by its host; what else belongs to a host, by its own name.
    hosts = bool(first.role and first.host)
    names = tuple(change.host if hosts else change.name for change in alike)
    return Group(first.component, first.operation, first.role, first.properties, names, hosts)


def some(names: Sequence[str], most: int = 8) -> str:
    """The names, or the first of them and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(f"`{name}`" for name in names[:most]) + more
