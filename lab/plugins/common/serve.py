"""Run a provider as a Pulumi plugin: the SDK's gRPC servicer with readable errors, an end, and a log.

The SDK's own `server.main` answers an exception with its Python type in front of the text, runs on
when the engine was killed, and does not end running work when the engine cancels.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from google.protobuf.message import Message
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc

from lab.plugins.common.engine import EngineLog
from lab.plugins.common.errors import ProviderError

_PARENT_CHECK_SECONDS = 1.0

Context = grpc.aio.ServicerContext[Message, Message]
Handler = Callable[[Message, Context], Awaitable[Message]]


class Servicer(ProviderServicer):
    """The SDK's servicer; user errors reach the engine as their text, cancelling ends running work."""

    def __init__(self, version: str, provider: Provider, engine: str) -> None:
        super().__init__([], version, provider, engine)
        self._running: set[asyncio.Task[Any]] = set()

    async def Cancel(self, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:
        """End what runs: each operation then fails with "cancelled"."""
        for task in tuple(self._running):
            task.cancel()
        await self._provider.cancel()
        return empty_pb2.Empty()

    async def run(self, handler: Handler, request: Message, context: Context) -> Message:
        """Answer one request by the SDK's handler, within the operation's custom time-out (seconds)."""
        task = asyncio.ensure_future(handler(request, context))
        self._running.add(task)
        seconds: float = getattr(request, "timeout", 0)
        try:
            return await asyncio.wait_for(asyncio.shield(task), seconds or None)
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"timed out after {seconds:.0f} s")
        except ProviderError as error:
            await context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except NotImplementedError as error:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            await context.abort(grpc.StatusCode.CANCELLED, "cancelled")
        finally:
            task.cancel()
            self._running.discard(task)


def _wrapped(name: str) -> Handler:
    inner = getattr(ProviderServicer, name)

    async def method(self: Servicer, request: Message, context: Context) -> Message:
        return await self.run(lambda asked, ctx: inner(self, asked, ctx), request, context)

    return method  # type: ignore[return-value]


for _name in ("CheckConfig", "Configure", "Check", "Diff", "Create", "Read", "Update", "Delete", "Invoke"):
    setattr(Servicer, _name, _wrapped(_name))


def serve(version: str, make: Callable[[EngineLog], Provider], servicer: type[Servicer] = Servicer) -> None:
    """Serve the provider that `make` returns until the engine ends; the entry point of a plugin.

    The engine's address is the first argument that is no option; the port goes to standard output.
    """
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if not addresses:
        sys.exit("this program is a Pulumi plugin: the engine starts it and gives its address")
    asyncio.run(_serve(version, make, servicer, addresses[0]))


async def _serve(
    version: str, make: Callable[[EngineLog], Provider], servicer: type[Servicer], engine: str
) -> None:
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    made = servicer(version, make(EngineLog(engine)), engine)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(made, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    parent = os.getppid()
    while os.getppid() == parent:  # an engine that was killed cannot end its plugins
        await asyncio.sleep(_PARENT_CHECK_SECONDS)
    await server.stop(grace=0)
