"""How many machines a cloud's group may have, by its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def least(inputs: Mapping[str, Any]) -> int | None:
    """The fewest machines of a cloud's group; None where its inputs do not say."""
    return _number(inputs.get("minSize", within(inputs, "sku", "capacity")))


def most(inputs: Mapping[str, Any]) -> int | None:
    """The most that an autoscaler may make; in Azure it stands in a tag."""
    return _number(inputs.get("maxSize", within(inputs, "tags", "max")))


def within(inputs: Mapping[str, Any], key: str, name: str) -> Any:  # noqa: ANN401 - any JSON
    """What a mapping among the inputs has under a name; None without."""
    found = inputs.get(key)
    return found.get(name) if isinstance(found, Mapping) else None


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isdigit():
        return int(value)
    return int(value) if isinstance(value, int | float) else None
