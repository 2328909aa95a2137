"""The mark by which the state of a stack tells that a stand-in plugin manages its resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STAND_IN_KEY = "__standIn"
"""Input of the provider resource that a stand-in adds. `automation/plugin_kind.py` looks for it in the state.

A preview does not show keys that start with "__".
"""


def without_mark(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a provider resource without the mark."""
    return {key: value for key, value in inputs.items() if key != STAND_IN_KEY}
