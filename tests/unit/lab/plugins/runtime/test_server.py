"""Tests of the gRPC server of stand-in plugins: running operations end together with the engine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from lab.plugins.runtime.provider import Provider
from lab.plugins.runtime.server import Servicer
from lab.plugins.runtime.values import Properties


class CallAborted(Exception):
    """The error of an aborted gRPC call. Its text is the error that the engine would receive."""


class FakeContext:
    """A fake of the context of a gRPC call, whose `abort` raises CallAborted."""

    async def abort(self, code: object, details: str) -> None:
        raise CallAborted(details)


class EndlessProvider(Provider):
    """A provider whose `create` never ends, as a local command that waits for a host."""

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
    async def create_and_cancel() -> bool:
        provider = EndlessProvider()
        servicer, context = Servicer(provider), FakeContext()
        create: Any = servicer.Create(provider_pb2.CreateRequest(), context)  # type: ignore[arg-type]
        call = asyncio.ensure_future(create)
        await provider.started.wait()
        await servicer.cancel_operations()
        ended = provider.ended
        with pytest.raises(CallAborted, match="cancelled"):
            await call
        return ended

    assert asyncio.run(create_and_cancel())
