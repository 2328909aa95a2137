"""Differences between two sets of properties, path by path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from lab.plugins.runtime.values import (
    UNKNOWN,
    Secret,
    Value,
    contains_secret,
    is_asset,
    reveal,
    without_secret,
)

ChangeKind = Literal["add", "delete", "update"]


@dataclass(frozen=True)
class Change:
    """The change of one property. `replace` is true if the change replaces the resource."""

    kind: ChangeKind
    replace: bool


@dataclass(frozen=True)
class Diff:
    """All changes of a resource, by path of the property."""

    changes: dict[str, Change] = field(default_factory=dict)
    delete_first: bool = False
    """Whether a replacement deletes the old resource first."""
    of_inputs: bool = True
    """Whether the paths refer to the old inputs. Otherwise they refer to the state."""

    @property
    def changed(self) -> list[str]:
        """The top-level properties that changed."""
        return sorted({top_level(path) for path in self.changes})

    @property
    def replaces(self) -> list[str]:
        """The top-level properties whose change replaces the resource."""
        return sorted({top_level(path) for path, change in self.changes.items() if change.replace})

    def without(self, ignored: Iterable[str]) -> Diff:
        """Return the diff without changes at or below the paths `ignored`."""
        prefixes = tuple(prefix for path in ignored for prefix in (f"{path}.", f"{path}["))
        changes = {
            path: change for path, change in self.changes.items() if not f"{path}.".startswith(prefixes)
        }
        return Diff(changes, self.delete_first, self.of_inputs)


def compare(
    old: Value, new: Value, replaces: Callable[[str], bool], *, secrecy_counts: bool = False
) -> dict[str, Change]:
    """Return the changes from old to new properties.

    Args:
        old: previous properties.
        new: the next properties; an unknown value counts as an update.
        replaces: whether a change at a path replaces the resource.
        secrecy_counts: whether a value that becomes secret, or public, counts as changed. Then a changed
            secret is one change: paths inside the secret would reveal its structure.
    """
    changes: dict[str, Change] = {}
    _compare_values(old, new, "", changes, replaces, secrecy_counts)
    return changes


def top_level(path: str) -> str:
    """Return the top-level property of a path, such as `spec` of `spec.ports[0]`."""
    return path.partition(".")[0].partition("[")[0]


def join(path: str, key: str) -> str:
    """Append the key of a map to a property path, quoted as the engine expects."""
    if not key.isidentifier():
        escaped = key.replace("\\", "\\\\").replace('"', '\\"')
        return f'{path}["{escaped}"]'
    return f"{path}.{key}" if path else key


def _compare_values(
    old: Value,
    new: Value,
    path: str,
    changes: dict[str, Change],
    replaces: Callable[[str], bool],
    secrecy_counts: bool,
) -> None:
    if secrecy_counts and (isinstance(old, Secret) or isinstance(new, Secret)):
        same_secrecy = contains_secret(old) == contains_secret(new)
        if not same_secrecy or compare(reveal(old), reveal(new), replaces):
            changes[path] = _describe_change(old, new, path, replaces)
        return
    old, new = without_secret(old), without_secret(new)
    if is_asset(old) or is_asset(new):
        if not _same_asset(old, new):
            changes[path] = _describe_change(old, new, path, replaces)
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            _compare_values(old.get(key), new.get(key), join(path, key), changes, replaces, secrecy_counts)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            _compare_values(before, after, f"{path}[{index}]", changes, replaces, secrecy_counts)
    elif new is UNKNOWN or old != new or isinstance(old, bool) != isinstance(new, bool):
        changes[path] = _describe_change(old, new, path, replaces)


def _describe_change(old: Value, new: Value, path: str, replaces: Callable[[str], bool]) -> Change:
    kind: ChangeKind = "update"
    if without_secret(old) is None:
        kind = "add"
    elif without_secret(new) is None:
        kind = "delete"
    return Change(kind, replaces(path))


def _same_asset(old: Value, new: Value) -> bool:
    """Compare two assets by hash if both have a hash, because the engine omits contents whose hash it
    already has.
    """
    if not (is_asset(old) and is_asset(new)):
        return False
    if "hash" in old and "hash" in new:
        return bool(old["hash"] == new["hash"])
    names = (old.keys() | new.keys()) - {"hash"}
    return all(old.get(name) == new.get(name) for name in names)
