"""Errors that the engine shows to the user as their text, without a traceback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class PluginError(Exception):
    """A failure that the user can act upon."""


@dataclass(frozen=True)
class CheckFailure:
    """One input that fails its check."""

    field: str
    """The path of the input, such as `connection.host`."""
    reason: str


class CheckError(PluginError):
    """Inputs of a resource or a function fail their check."""

    def __init__(self, failures: Sequence[CheckFailure]) -> None:
        super().__init__("; ".join(f"{failure.field}: {failure.reason}" for failure in failures))
        self.failures = list(failures)


class InvalidInput(CheckError):
    """One input cannot be accepted; the text is the reason only."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__([CheckFailure(field, reason)])
        self.args = (reason,)
        self.field = field


class NotReady(PluginError):
    """A resource exists but is not ready, or differs from the request.

    Attributes:
        resource_id: the id of the resource.
        outputs: its state, which the engine keeps.
    """

    def __init__(self, reasons: Sequence[str], *, resource_id: str, outputs: Mapping[str, Any]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = list(reasons)
        self.resource_id = resource_id
        self.outputs = dict(outputs)
