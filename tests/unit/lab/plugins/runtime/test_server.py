"""The server of plugins: operations in progress end with the engine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from lab.plugins.runtime.provider import Provider
from lab.plugins.runtime.server import Servicer
from lab.plugins.runtime.values import Properties


class Aborted(Exception):
    """The error that the engine would receive."""


class Context:
    """The context of a call, which can be aborted."""

    async def abort(self, code: object, details: str) -> None:
        raise Aborted(details)


class Endless(Provider):
    """Creates a resource that is never ready, such as a local command that waits for a host."""

    name = "endless"

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.ended = False

    async def create(
        self, urn: str, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        self.started.set()
        try:
            await asyncio.sleep(300)
        finally:
            self.ended = True
        return "", {}


def test_operation_does_not_outlive_the_plugin() -> None:
    async def abandon() -> bool:
        provider = Endless()
        servicer, context = Servicer(provider), Context()
        create: Any = servicer.Create(provider_pb2.CreateRequest(), context)  # type: ignore[arg-type]
        call = asyncio.ensure_future(create)
        await provider.started.wait()
        await servicer.abandon()
        ended = provider.ended
        with pytest.raises(Aborted, match="cancelled"):
            await call
        return ended

    assert asyncio.run(abandon())
