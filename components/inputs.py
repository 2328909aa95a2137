"""Pulumi inputs that replace plain values of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi import Input

Path = tuple[str | int, ...]
"""The path of a value: keys of mappings and positions in lists."""

Inputs = Mapping[Path, Input[Any]]
"""Inputs by their paths."""


def with_inputs(value: Any, inputs: Inputs, path: Path = ()) -> Any:  # noqa: ANN401 - JSON
    """Return a copy of a JSON value in which inputs replace the values at their paths.

    `path` is the path of `value` itself.
    """
    if path in inputs:
        return inputs[path]
    if isinstance(value, Mapping):
        return {key: with_inputs(item, inputs, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [with_inputs(item, inputs, (*path, position)) for position, item in enumerate(value)]
    return value


def inputs_below(inputs: Inputs, key: str) -> Inputs:
    """Return the inputs whose paths begin with `key`. The paths in the result do not contain `key`."""
    return {path[1:]: value for path, value in inputs.items() if path[:1] == (key,)}
