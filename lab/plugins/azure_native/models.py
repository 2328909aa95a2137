"""Checks of the bodies of requests and responses against the models of the library azure-mgmt-compute.

The library describes the bodies that the API accepts, so these checks also find errors of `bodies`. Libraries
for the other services are not requirements of this project.
"""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab.plugins.azure_native.type_checks import Field, object_problems
from lab.plugins.runtime.errors import PluginError

PACKAGE = "azure.mgmt.compute"
MODELS: Mapping[str, str] = {
    "Microsoft.Compute/disks": "Disk",
    "Microsoft.Compute/virtualMachines": "VirtualMachine",
    "Microsoft.Compute/virtualMachineScaleSets": "VirtualMachineScaleSet",
}
"""The models of bodies by resource type."""
_CLASS = r"^class {0}\(\s*(?P<base>\w+)[^:]*:"
_FIELD = re.compile(
    r"^    (?P<name>\w+): (?P<type>[^=]+?) = (?:\(\s*)?rest_field\(\s*"
    r'(?:name="(?P<wire>\w+)",\s*)?visibility=\[(?P<visibility>[^\]]*)\]',
    re.MULTILINE,
)
_MEMBER = re.compile(r'^    \w+ = "(.*)"$', re.MULTILINE)
_OPEN_ENUMERATIONS = ("VirtualMachineSizeTypes",)
"""Enumerations of the library that do not have all values."""


class _Models:
    """The models of the library."""

    def fields(self, name: str) -> Mapping[str, Field]:
        """Return the parts of a model and of its base."""
        return _fields(name)

    def members(self, name: str) -> tuple[str, ...]:
        """Return the values of an enumeration; empty for another type."""
        return _enumeration(name)

    def is_open(self, name: str) -> bool:
        """Check whether an enumeration lacks values."""
        return name in _OPEN_ENUMERATIONS


class _ResponseModels(_Models):
    """The models of the library for responses, which also have the parts that requests must not have."""

    def fields(self, name: str) -> Mapping[str, Field]:
        """Return the parts of a model and of its base."""
        return {wire: replace(field, read_only=False) for wire, field in _fields(name).items()}


def find_problems(type: str, body: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem for each part of a body that its model does not have, or not so.

    Bodies of types without a model have no problem.
    """
    if type in MODELS:
        yield from object_problems(_Models(), _fields(MODELS[type]), body, "")


def response_problems(model: str, body: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem for each part of a response that its model does not have, or not so."""
    models = _ResponseModels()
    yield from object_problems(models, models.fields(model), body, "")


@functools.cache
def _text(file: str) -> str:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise PluginError(f"the Python package {PACKAGE} is missing")
    return (Path(spec.origin).parent / "models" / file).read_text()


@functools.cache
def _fields(name: str) -> Mapping[str, Field]:
    text = _text("_models.py")
    match = re.search(_CLASS.format(name), text, re.MULTILINE)
    if match is None:
        raise PluginError(f"the library {PACKAGE} has no model {name}")
    block = text[match.end() :].partition("\nclass ")[0]
    base = {} if match["base"].startswith("_") else _fields(match["base"])
    return {**base, **{_wire_name(field): _field(field) for field in _FIELD.finditer(block)}}


def _wire_name(match: re.Match[str]) -> str:
    return str(match["wire"] or match["name"])


def _field(match: re.Match[str]) -> Field:
    type = " ".join(match["type"].split())
    return Field(type, not type.startswith("Optional["), '"create"' not in match["visibility"])


@functools.cache
def _enumeration(name: str) -> tuple[str, ...]:
    _, found, rest = _text("_enums.py").partition(f"\nclass {name}(")
    return tuple(_MEMBER.findall(rest.partition("\nclass ")[0])) if found else ()
