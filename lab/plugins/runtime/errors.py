"""Errors that the engine shows to the user as their text, without a traceback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class PluginError(Exception):
    """The error for a failure that the user can fix. The engine shows its text."""


@dataclass(frozen=True)
class CheckFailure:
    """An input that fails its check."""

    field: str
    """The path of the input, such as `connection.host`."""
    reason: str


class CheckError(PluginError):
    """The error with all failed checks of the inputs of a resource or function."""

    def __init__(self, failures: Sequence[CheckFailure]) -> None:
        super().__init__("; ".join(f"{failure.field}: {failure.reason}" for failure in failures))
        self.failures = list(failures)


class InvalidInput(CheckError):
    """The error for one invalid input. The text contains only the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__([CheckFailure(field, reason)])
        self.args = (reason,)
        self.field = field


class NotReady(PluginError):
    """The error for a resource that exists but is not ready, or that differs from the request.

    Attributes:
        reasons: the texts of the error.
        resource_id: the id of the resource.
        outputs: the state of the resource, which the engine stores.
    """

    def __init__(self, reasons: Sequence[str], *, resource_id: str, outputs: Mapping[str, Any]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = list(reasons)
        self.resource_id = resource_id
        self.outputs = dict(outputs)
