"""Checks of JSON values against types that are written as in generated Python packages.

Packages are read as text, because an import of a package takes seconds and hundreds of megabytes. Their
generated lines are always written the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

_TRANSPARENT = ("pulumi.Input", "Input", "Optional")
_LISTS = ("Sequence", "List", "list")
_MAPS = ("Mapping", "Dict", "dict")
_BASIC: Mapping[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "str": (str,),
}
_PREFIXES = ("_builtins.", "_models.", "_types.")


@dataclass(frozen=True, slots=True)
class Field:
    """A part of a type: its type as text, and whether it is required. Azure refuses read-only parts."""

    type: str
    required: bool = False
    read_only: bool = False


class Catalog(Protocol):
    """The types of a package."""

    def fields(self, name: str) -> Mapping[str, Field]:
        """Return the parts of an object type by their names in JSON."""
        ...

    def members(self, name: str) -> tuple[str, ...]:
        """Return the values of an enumeration; empty for another type."""
        ...

    def is_open(self, name: str) -> bool:
        """Check whether an enumeration of the package lacks values that Azure accepts."""
        ...


def object_problems(
    catalog: Catalog, fields: Mapping[str, Field], value: Mapping[str, Any], path: str
) -> Iterator[str]:
    """Yield a problem for each part of an object that its type does not have, or not so."""
    for name, item in value.items():
        if name not in fields:
            yield f"{path}{name}: there is no such property"
        elif fields[name].read_only:
            yield f"{path}{name}: read-only"
        elif item is not None:
            yield from find_problems(catalog, fields[name].type, item, f"{path}{name}")
    for name, field in fields.items():
        if field.required and value.get(name) is None:
            yield f"{path}{name}: missing"


def find_problems(catalog: Catalog, type: str, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 — JSON
    """Yield the problems of a value. `path` is its path in the request."""
    outer, inner = _split(type)
    if outer in _TRANSPARENT:
        yield from find_problems(catalog, inner, value, path)
    elif outer == "Union":
        options = _options(inner)
        found = [list(find_problems(catalog, option, value, path)) for option in options]
        # An enumeration is written as a union of text and the enumeration: the last option is the strictest.
        yield from found[-1] if options[0] == "str" else min(found, key=len)
    elif outer in _LISTS:
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for index, item in enumerate(value):
            yield from find_problems(catalog, inner, item, f"{path}[{index}]")
    elif outer in _MAPS:
        if not isinstance(value, Mapping):
            yield f"{path}: {value!r} is no map"
            return
        for key, item in value.items():
            yield from find_problems(catalog, _options(inner)[1], item, f"{path}[{key!r}]")
    elif outer in _BASIC:
        yield from _basic_problems(outer, value, path)
    elif outer[:1].isupper() and outer != "Any":
        yield from _named_problems(catalog, outer, value, path)


def _basic_problems(name: str, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 — JSON
    allowed = _BASIC[name]
    # The engine has only one type of numbers.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        yield f"{path}: {value!r} is no {name}"


def _named_problems(catalog: Catalog, name: str, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 — JSON
    """Yield the problems of a value of a named type: an enumeration, or an object."""
    members = catalog.members(name)
    if members:
        if value not in members and not catalog.is_open(name):
            yield f"{path}: {value!r} is none of {', '.join(members[:8])}{' …' if len(members) > 8 else ''}"
    elif not isinstance(value, Mapping):
        yield f"{path}: {value!r} is no object"
    else:
        yield from object_problems(catalog, catalog.fields(name), value, f"{path}.")


def _split(type: str) -> tuple[str, str]:
    """Return the outer type without prefixes and quotes, and its parameters."""
    outer, found, inner = type.strip().partition("[")
    outer = outer.strip("'\"")
    for prefix in _PREFIXES:
        outer = outer.removeprefix(prefix)
    return outer, inner[:-1] if found else ""


def _options(text: str) -> list[str]:
    """Return the parts of a list of types. A basic type has no prefix."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [part.strip().removeprefix("_builtins.") for part in (*parts, text[start:])]
