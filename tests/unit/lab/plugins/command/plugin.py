"""The command plugin, called in the same way as by the engine, but without an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar, cast

from lab.plugins.command.provider import CommandProvider
from lab.plugins.runtime.diff import Diff
from lab.plugins.runtime.errors import CheckError
from lab.plugins.runtime.log import EngineLog
from lab.plugins.runtime.values import Properties

Result = TypeVar("Result")


class FakeLog:
    """A fake of the engine's log, which stores progress lines and warnings."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def status(self, urn: str, text: str) -> None:
        self.lines.append(text)

    def warning(self, urn: str, text: str) -> None:
        self.warnings.append(text)


class CommandPlugin:
    """The command plugin with one resource of the type `token`. Operations check inputs first, as the engine
    does.
    """

    def __init__(self, token: str) -> None:
        self.urn = f"urn:pulumi:dev::kubewright::{token}::thing"
        self.log = FakeLog()
        self.provider = CommandProvider(cast(EngineLog, self.log))

    def inputs(self, inputs: Mapping[str, Any]) -> Properties:
        """Return the checked inputs with defaults. Raise CheckError if inputs are invalid."""
        return run(self.provider.check(self.urn, {}, dict(inputs), b""))

    def failed_fields(self, inputs: Mapping[str, Any]) -> list[str]:
        """Return the names of the inputs that fail their check."""
        try:
            self.inputs(inputs)
        except CheckError as error:
            return [failure.field for failure in error.failures]
        return []

    def create(self, inputs: Mapping[str, Any], *, preview: bool = False) -> tuple[str, Properties]:
        return run(self.provider.create(self.urn, self.inputs(inputs), preview=preview, timeout=0))

    def diff(self, state: Properties, inputs: Mapping[str, Any]) -> Diff:
        return run(self.provider.diff(self.urn, state, {}, self.inputs(inputs), []))

    def update(self, state: Properties, inputs: Mapping[str, Any]) -> Properties:
        news = self.inputs(inputs)
        return run(self.provider.update(self.urn, state, {}, news, preview=False, timeout=0))

    def delete(self, state: Properties) -> None:
        run(self.provider.delete(self.urn, "id", state, timeout=0))


def run(operation: Coroutine[Any, Any, Result]) -> Result:
    """Run an asynchronous operation and return its result."""
    return asyncio.run(operation)
