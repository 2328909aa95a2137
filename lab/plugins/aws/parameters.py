"""Conversion of a resource's inputs to parameters of an API operation, by the model of the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Properties, Value

_TAG_MEMBERS = ({"key": "Key", "value": "Value"}, {"key": "TagKey", "value": "TagValue"})
_INTEGERS = ("integer", "long")


def build_parameters(shape: Shape, inputs: Properties, renames: Mapping[str, str]) -> dict[str, Any]:
    """Return the parameters of an operation for the inputs of a resource, whose names are in camelCase.

    `renames` has the name of the parameter by the name of the input, at any depth. Raise PluginError for an
    input without a parameter, so that no input is ignored.
    """
    if not isinstance(shape, StructureShape):
        raise PluginError(f"{shape.name} has no parameters")
    members: Mapping[str, Shape] = shape.members
    by_lower_case = {name.lower(): name for name in members}
    parameters: dict[str, Any] = {}
    for key, value in inputs.items():
        if key.startswith("__") or value is None:
            continue
        name = renames.get(key) or by_lower_case.get(key.lower(), "")
        if name not in members:
            raise PluginError(f"{shape.name} has no parameter for the input {key}")
        parameters[name] = _convert(members[name], value, renames)
    return parameters


def tag_list(tags: Value) -> list[dict[str, str]]:
    """Return tags as the list of keys and values that most services use."""
    return [{"Key": key, "Value": str(value)} for key, value in (tags or {}).items()]


def _convert(shape: Shape, value: Value, renames: Mapping[str, str]) -> Any:  # noqa: ANN401 — JSON
    if isinstance(shape, StructureShape):
        if not isinstance(value, Mapping):
            raise PluginError(f"{shape.name} is a structure")
        return build_parameters(shape, dict(value), renames)
    if isinstance(shape, ListShape):
        if isinstance(value, Mapping):
            return _convert_tags(shape, value)
        return [_convert(shape.member, item, renames) for item in value]
    if isinstance(shape, MapShape):
        return {key: _convert(shape.value, item, renames) for key, item in value.items()}
    if shape.type_name == "boolean" and isinstance(value, str):
        # Terraform has no optional booleans, so the plugin has texts instead.
        return {"true": True, "false": False}.get(value, value)
    if shape.type_name in _INTEGERS and isinstance(value, str | float):
        return int(value) if float(value).is_integer() else value
    if shape.type_name == "string" and isinstance(value, int | float):
        return str(int(value))
    return value


def _convert_tags(shape: ListShape, tags: Mapping[str, Value]) -> list[dict[str, str]]:
    """Return a map of tags as a list, with the names of the members of the list's items."""
    item = shape.member
    for names in _TAG_MEMBERS:
        if isinstance(item, StructureShape) and set(names.values()) <= set(item.members):
            return [{names["key"]: key, names["value"]: str(value)} for key, value in tags.items()]
    raise PluginError(f"{shape.name} is a list")
