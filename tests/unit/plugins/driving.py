"""The stand-in of the command plugin, driven as the engine does it, without an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar, cast

from pulumi.provider.experimental import provider as api

from lab.plugins.command.provider import CommandProvider
from lab.plugins.common.engine import EngineLog
from lab.plugins.common.values import Properties, wrap

Result = TypeVar("Result")


class Log:
    """Keeps what would be shown to the user."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    async def status(self, urn: str, text: str) -> None:
        self.lines.append(text)

    async def warning(self, urn: str, text: str) -> None:
        self.warnings.append(text)


class Plugin:
    """The provider, driven as the engine does it: check, then diff or create."""

    def __init__(self, kind: str) -> None:
        self.urn = f"urn:pulumi:dev::kubewright::{kind}::thing"
        self.log = Log()
        self.provider = CommandProvider(cast(EngineLog, self.log))

    def check(self, inputs: Mapping[str, Any]) -> api.CheckResponse:
        given = {key: wrap(value) for key, value in inputs.items()}
        return run(self.provider.check(api.CheckRequest(self.urn, {}, given, b"")))

    def inputs(self, inputs: Mapping[str, Any]) -> Properties:
        checked = self.check(inputs)
        assert not checked.failures, [(item.property, item.reason) for item in checked.failures]
        assert checked.inputs is not None
        return checked.inputs

    def create(self, inputs: Mapping[str, Any], *, preview: bool = False) -> api.CreateResponse:
        return run(self.provider.create(api.CreateRequest(self.urn, self.inputs(inputs), 0, preview)))

    def diff(self, state: Properties, inputs: Mapping[str, Any]) -> api.DiffResponse:
        return run(self.provider.diff(api.DiffRequest(self.urn, "id", state, self.inputs(inputs), [])))

    def update(self, state: Properties, inputs: Mapping[str, Any]) -> Properties:
        request = api.UpdateRequest(self.urn, "id", state, self.inputs(inputs), 0, [], False)
        return run(self.provider.update(request)).properties

    def delete(self, state: Properties) -> None:
        run(self.provider.delete(api.DeleteRequest(self.urn, "id", state, 0)))


def run(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)
