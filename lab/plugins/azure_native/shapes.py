"""Checks of inputs against the types of the package azure-native: names, types, required parts and
enumerations.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.plugins.azure_native.type_checks import Field, object_problems
from lab.plugins.generic import sdk
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Properties

PACKAGE = "pulumi_azure_native"
_PARAMETER = re.compile(r"^ +(?P<name>\w+): (?P<type>.+?)(?P<default> = None)?(?:,|\):)$", re.MULTILINE)
_WIRE_NAME = re.compile(r'@pulumi\.getter\(name="(\w+)"\)\n +def (\w+)\(')
_MEMBER = re.compile(r'^    \w+ = "(.*)"$', re.MULTILINE)
_OPEN_ENUMERATIONS = ("VirtualMachineSizeTypes",)
"""Enumerations of the package that do not have all values: the list of sizes ends in 2017."""


def find_problems(token: str, inputs: Properties) -> Iterator[str]:
    """Yield a problem for each input of a resource type that the package does not have, or not so."""
    yield from object_problems(_Module(token.split(":")[1]), _resource_fields(token), inputs, "")


@dataclass(frozen=True, slots=True)
class _Module:
    """The types of one module of the package."""

    name: str

    def fields(self, name: str) -> Mapping[str, Field]:
        """Return the parts of a type of inputs."""
        return _nested_fields(self.name, name)

    def members(self, name: str) -> tuple[str, ...]:
        """Return the values of an enumeration; empty for another type."""
        return _enumeration(self.name, name)

    def is_open(self, name: str) -> bool:
        """Check whether an enumeration lacks values."""
        return name in _OPEN_ENUMERATIONS


@functools.cache
def _text(module: str, file: str) -> str:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise PluginError(f"the Python package {PACKAGE} is missing")
    path = Path(spec.origin).parent / module / file
    return path.read_text() if path.exists() else ""


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
def _enumeration(module: str, name: str) -> tuple[str, ...]:
    _, found, rest = _text(module, "_enums.py").partition(f"\nclass {name}(")
    return tuple(_MEMBER.findall(rest.partition("\nclass ")[0])) if found else ()
