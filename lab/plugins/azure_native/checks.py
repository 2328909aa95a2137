"""Checks of the inputs of a resource and of the body of its request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lab.plugins.azure_native import limits, models, shapes
from lab.plugins.runtime.values import Properties

if TYPE_CHECKING:
    from lab.plugins.azure_native.kinds import ArmKind


def find_problems(kind: ArmKind, name: str, inputs: Properties, body: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem for each value that Azure would refuse. `name` is the name of the resource."""
    yield from shapes.find_problems(kind.token, inputs)
    yield from models.find_problems(kind.type, body)
    yield from limits.find_problems(kind.type, name, body)
