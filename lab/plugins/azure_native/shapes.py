"""Checks of inputs against the types of the package azure-native: names, types, required parts and
enumerations.

The package is read as text, because an import takes hundreds of megabytes. Its generated lines are always
written the same way.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.plugins.generic import sdk
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Properties

PACKAGE = "pulumi_azure_native"
_PARAMETER = re.compile(r"^ +(?P<name>\w+): (?P<type>.+?)(?P<default> = None)?(?:,|\):)$", re.MULTILINE)
_WIRE_NAME = re.compile(r'@pulumi\.getter\(name="(\w+)"\)\n +def (\w+)\(')
_MEMBER = re.compile(r'^    \w+ = "(.*)"$', re.MULTILINE)
_OPEN_ENUMERATIONS = ("VirtualMachineSizeTypes",)
"""Enumerations of the package that do not have all values: the list of sizes ends in 2017."""
_BASIC: Mapping[str, tuple[type, ...]] = {
    "_builtins.bool": (bool,),
    "_builtins.int": (int,),
    "_builtins.float": (int, float),
    "_builtins.str": (str,),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A part of a type: its type as text of the package, and whether it is required."""

    type: str
    required: bool


def find_problems(token: str, inputs: Properties) -> Iterator[str]:
    """Yield a problem for each input of a resource type that the package does not have, or not so."""
    yield from _object_problems(token.split(":")[1], _resource_fields(token), inputs, "")


def _object_problems(
    module: str, fields: Mapping[str, Field], value: Mapping[str, Any], path: str
) -> Iterator[str]:
    for name, item in value.items():
        if name not in fields:
            yield f"{path}{name}: the package has no such property"
        elif item is not None:
            yield from _problems(module, fields[name].type, item, f"{path}{name}")
    for name, field in fields.items():
        if field.required and value.get(name) is None:
            yield f"{path}{name}: missing"


def _problems(module: str, type: str, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 — JSON
    outer, inner = _split(type)
    if outer in ("pulumi.Input", "Optional"):
        yield from _problems(module, inner, value, path)
    elif outer == "Union":
        options = _options(inner)
        found = [list(_problems(module, option, value, path)) for option in options]
        # An enumeration is written as a union of text and the enumeration: the last option is the strictest.
        yield from found[-1] if options[0] == "_builtins.str" else min(found, key=len)
    elif outer == "Sequence":
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for index, item in enumerate(value):
            yield from _problems(module, inner, item, f"{path}[{index}]")
    elif outer == "Mapping":
        if not isinstance(value, Mapping):
            yield f"{path}: {value!r} is no map"
            return
        for key, item in value.items():
            yield from _problems(module, _options(inner)[1], item, f"{path}[{key!r}]")
    elif outer in _BASIC:
        allowed = _BASIC[outer]
        # The engine has only one type of numbers.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            yield f"{path}: {value!r} is no {outer.removeprefix('_builtins.')}"
    elif outer.startswith("'"):
        yield from _named_problems(module, outer.strip("'"), value, path)


def _named_problems(module: str, name: str, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 — JSON
    """Yield the problems of a value of a named type: an enumeration, or an object."""
    if name.startswith("_"):  # a type of another module of the package
        return
    members = enumeration(module, name)
    if members:
        if value not in members and name not in _OPEN_ENUMERATIONS:
            yield f"{path}: {value!r} is none of {', '.join(members[:8])}{' …' if len(members) > 8 else ''}"
    elif not isinstance(value, Mapping):
        yield f"{path}: {value!r} is no object"
    else:
        yield from _object_problems(module, _nested_fields(module, name), value, f"{path}.")


def _split(type: str) -> tuple[str, str]:
    outer, found, inner = type.partition("[")
    return (outer, inner[:-1]) if found else (type, "")


def _options(text: str) -> list[str]:
    """Return the parts of a list of types."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(text[start:index].strip())
            start = index + 1
    return [*parts, text[start:].strip()]


@functools.cache
def _text(module: str, file: str) -> str:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise PluginError(f"the Python package {PACKAGE} is missing")
    return (Path(spec.origin).parent / module / file).read_text()


@functools.cache
def _resource_fields(token: str) -> Mapping[str, Field]:
    text, name = sdk.source_text(PACKAGE, token), token.rpartition(":")[2]
    if text is None:
        raise PluginError(f"the package has no resource {token}")
    # A type of the same name in another resource changes the name of the class.
    return _fields(text, f"{name}Args" if f"\nclass {name}Args:\n" in text else f"{name}InitArgs")


@functools.cache
def _nested_fields(module: str, name: str) -> Mapping[str, Field]:
    return _fields(_text(module, "_inputs.py"), name)


def _fields(text: str, name: str) -> Mapping[str, Field]:
    """Return the parts of a class of inputs by the name that the engine uses."""
    _, found, rest = text.partition(f"\nclass {name}:\n")
    if not found:
        raise PluginError(f"the package has no type {name}")
    block = rest.partition("\nclass ")[0]
    signature = block[: block.index('"""')] if '"""' in block else block
    wire: dict[str, str] = {attribute: wired for wired, attribute in _WIRE_NAME.findall(block)}
    return {
        wire.get(str(match["name"]), str(match["name"])): Field(match["type"], match["default"] is None)
        for match in _PARAMETER.finditer(signature)
    }


@functools.cache
def enumeration(module: str, name: str) -> tuple[str, ...]:
    """Return the values of an enumeration; empty for another type."""
    path = "_enums.py"
    try:
        text = _text(module, path)
    except FileNotFoundError:
        return ()
    _, found, rest = text.partition(f"\nclass {name}(")
    return tuple(_MEMBER.findall(rest.partition("\nclass ")[0])) if found else ()
