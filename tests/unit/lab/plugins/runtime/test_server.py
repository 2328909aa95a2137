"""Tests of the gRPC server of stand-in plugins: running operations end together with the engine."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from lab.plugins.command.ssh import run_to_the_end
from lab.plugins.runtime.mark import STAND_IN_KEY
from lab.plugins.runtime.provider import Provider
from lab.plugins.runtime.server import Servicer
from lab.plugins.runtime.values import Properties, decode_map, encode_map


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


class StubbornProvider(EndlessProvider):
    """A provider whose `create` ignores its cancellation, as a command on a host does."""

    async def create(
        self, urn: str, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        return await run_to_the_end(self._finish())

    async def _finish(self) -> tuple[str, Properties]:
        self.started.set()
        await asyncio.sleep(0.3)
        return "made", {}


def test_timeout_ends_an_operation_that_can_be_canceled() -> None:
    async def create() -> None:
        servicer: Any = Servicer(EndlessProvider())
        with pytest.raises(CallAborted, match="timed out after 0 s"):
            await servicer.Create(provider_pb2.CreateRequest(timeout=0.05), FakeContext())

    asyncio.run(create())


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_operation_on_a_host_runs_to_its_end_after_cancel_and_timeout(timeout: float) -> None:
    """Test that a cancellation and a timeout do not end a remote command, as in the official plugin."""

    async def create() -> str:
        provider = StubbornProvider()
        servicer: Any = Servicer(provider)
        call = asyncio.ensure_future(
            servicer.Create(provider_pb2.CreateRequest(timeout=timeout), FakeContext())
        )
        await provider.started.wait()
        await servicer.Cancel(None, FakeContext())
        return str((await call).id)

    assert asyncio.run(create()) == "made"


def test_stand_in_marks_its_provider_resource_and_the_mark_causes_no_change() -> None:
    class Recorder(Provider):
        name = "recorder"
        configured: Properties | None = None

        async def configure(self, args: Properties) -> None:
            self.configured = args

    async def check() -> None:
        provider = Recorder()
        servicer: Any = Servicer(provider)
        news = encode_map({"region": "x"})
        checked = await servicer.CheckConfig(provider_pb2.CheckRequest(news=news), FakeContext())
        assert decode_map(checked.inputs) == {"region": "x", STAND_IN_KEY: True}
        request = provider_pb2.DiffRequest(olds=news, news=checked.inputs)
        assert (
            await servicer.DiffConfig(request, FakeContext())
        ).changes == provider_pb2.DiffResponse.DIFF_NONE
        await servicer.Configure(provider_pb2.ConfigureRequest(args=checked.inputs), FakeContext())
        assert provider.configured == {"region": "x"}
        provider.marks_state = False
        checked = await servicer.CheckConfig(provider_pb2.CheckRequest(news=checked.inputs), FakeContext())
        assert decode_map(checked.inputs) == {"region": "x"}

    asyncio.run(check())
