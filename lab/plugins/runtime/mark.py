"""The mark in the state of a stack whose resources were created by stand-ins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STAND_IN_KEY = "__standIn"
"""The input that a stand-in adds to its provider resource. `automation/plugin_kind.py` searches the state for
it.

A preview does not show keys that begin with "__".
"""


def without_mark(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a provider resource without the mark."""
    return {key: value for key, value in inputs.items() if key != STAND_IN_KEY}
