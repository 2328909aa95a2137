"""Bodies of requests to Azure Resource Manager from the inputs of the package azure-native, and the reverse.

The package has the properties of a resource beside its location and tags; the API has them in `properties`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.plugins.runtime.values import Properties

ENVELOPE = frozenset(
    {"extendedLocation", "identity", "kind", "location", "managedBy", "plan", "sku", "tags", "zones"}
)
"""Inputs outside `properties`
(learn.microsoft.com/azure/azure-resource-manager/templates/resource-declaration).
"""
_ITEM_ENVELOPE = frozenset({"id", "name", "sku", "tags", "zones"})
"""Parts of items of lists outside their `properties`."""


def build_body(inputs: Properties, wrapped: tuple[str, ...]) -> dict[str, Any]:
    """Return the body for inputs without those of the id. `wrapped` are paths of lists, inner lists first."""
    body = {key: _plain(value) for key, value in inputs.items() if key in ENVELOPE}
    properties = {key: _plain(value) for key, value in inputs.items() if key not in ENVELOPE}
    if set(properties) == {"properties"}:
        properties = properties["properties"]
    identity = body.get("identity")
    if isinstance(identity, dict) and isinstance(identity.get("userAssignedIdentities"), list):
        identity["userAssignedIdentities"] = {id: {} for id in identity["userAssignedIdentities"]}
    for path in wrapped:
        _wrap(properties, path.split("."))
    return {**body, "properties": properties}


def flat_properties(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outputs that a resource of the API has in the package, without nested conversions."""
    properties = body.get("properties") or {}
    return {**properties, "properties": properties, **{key: body[key] for key in body if key != "properties"}}


def _wrap(value: Any, path: list[str]) -> None:  # noqa: ANN401 — JSON
    """Move the properties of the items of the list at a path into a part `properties`."""
    if isinstance(value, list):
        for item in value:
            _wrap(item, path)
        return
    part = value.get(path[0]) if isinstance(value, dict) else None
    if part is None:
        return
    if len(path) > 1:
        _wrap(part, path[1:])
        return
    value[path[0]] = [_wrapped(item) for item in part]


def _wrapped(item: Mapping[str, Any]) -> dict[str, Any]:
    outside = {key: value for key, value in item.items() if key in _ITEM_ENVELOPE}
    return {**outside, "properties": {key: value for key, value in item.items() if key not in outside}}


def _plain(value: Any) -> Any:  # noqa: ANN401 — JSON
    """Return a copy without missing values, which the API does not get, and with integers."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    # The engine has only one type of numbers.
    return int(value) if isinstance(value, float) and value.is_integer() else value
