"""Compare inputs and say, path by path, what changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .values import UNKNOWN, Secret, Value

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")


@dataclass(frozen=True)
class Change:
    """One changed property: `add`, `delete` or `update`, and whether it needs a replacement."""

    kind: str
    replace: bool


@dataclass(frozen=True)
class Diff:
    """All changes by path, and whether a replacement must delete the old resource first."""

    changes: dict[str, Change] = field(default_factory=dict)
    delete_first: bool = False

    @property
    def replaces(self) -> list[str]:
        """The paths that need a replacement."""
        return [path for path, change in self.changes.items() if change.replace]


def join(path: str, key: str) -> str:
    """A property path with one key more, quoted as the engine expects it."""
    if not _PLAIN_KEY.match(key):
        escaped = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'{path}["{escaped}"]'
    return f"{path}.{key}" if path else key


def compare(old: Value, new: Value, replaces: Callable[[str], bool]) -> dict[str, Change]:
    """The changes from old to new inputs.

    Args:
        old: previous inputs.
        new: inputs to come; an unknown value counts as an update.
        replaces: whether a change at a path needs a replacement.
    """
    found: dict[str, Change] = {}
    _walk(old, new, "", found, replaces)
    return found


def _walk(
    old: Value, new: Value, path: str, found: dict[str, Change], replaces: Callable[[str], bool]
) -> None:
    old = old.value if isinstance(old, Secret) else old
    new = new.value if isinstance(new, Secret) else new
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            _walk(old.get(key), new.get(key), join(path, key), found, replaces)
        return
    if isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            _walk(before, after, f"{path}[{index}]", found, replaces)
        return
    if new is not UNKNOWN and (old == new and isinstance(old, bool) == isinstance(new, bool)):
        return
    if old in (None,) and new in (None,):
        return
    verb = "update"
    if old is None:
        verb = "add"
    elif new is None:
        verb = "delete"
    found[path] = Change(verb, replaces(path))
