"""The gRPC server of a plugin: decode a request, call the provider, answer or fail with a readable text.

The SDK's `pulumi.provider.experimental.server` drops what the stand-ins need: the old inputs of a diff, the
hash of an asset, the state of a resource that exists but failed, and whether a function is called in a
preview. It also puts Python types in front of errors, runs on after the engine was killed, and does not
end running work when the engine cancels.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import ResourceProviderServicer, plugin_pb2, provider_pb2, provider_pb2_grpc

from lab.plugins.runtime.errors import CheckError, NotReady, PluginError
from lab.plugins.runtime.log import EngineLog
from lab.plugins.runtime.mark import STAND_IN_KEY, without_mark
from lab.plugins.runtime.provider import Provider
from lab.plugins.runtime.responses import check_failures, diff_response, partial_failure
from lab.plugins.runtime.timer import CancelTimer
from lab.plugins.runtime.values import Properties, decode_map, encode_map

_PARENT_CHECK_SECONDS = 1.0
_CANCEL_SECONDS = 2.0

Context = grpc.aio.ServicerContext[Any, Any]
Result = TypeVar("Result")


class Servicer(ResourceProviderServicer):
    """Serves one provider to the engine."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._running: set[asyncio.Future[Any]] = set()

    async def _call_provider(
        self, context: Context, operation: Awaitable[Result], *properties: Properties, timeout: float = 0
    ) -> Result:
        """Await an operation of the provider. If it fails, abort the request with the text of the error.

        `properties` are maps of the request whose secrets the error must not show. `timeout` is the custom
        timeout of the resource in seconds; 0 means no timeout. At its timeout, an operation is canceled. If
        the operation ignores the cancellation, it runs to its end and its result is used, as in the official
        plugins.
        """
        limited = not self._provider.enforces_timeouts
        task = asyncio.ensure_future(operation)
        timer = CancelTimer(task, timeout if limited else 0)
        try:
            if not limited:
                return await task
            self._running.add(task)
            return await asyncio.shield(task)
        except NotReady as error:
            text = self._provider.mask_secrets(str(error), *properties)
            await context.abort_with_status(partial_failure(error, text))
        except PluginError as error:
            await context.abort(grpc.StatusCode.UNKNOWN, self._provider.mask_secrets(str(error), *properties))
        except NotImplementedError as error:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            if timer.expired:
                await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"timed out after {timeout:.0f} s")
            await context.abort(grpc.StatusCode.CANCELLED, "cancelled")
        except Exception as error:
            await context.abort(grpc.StatusCode.INTERNAL, self._internal_error(error))
        finally:
            timer.stop()
            if limited:
                task.cancel()
            self._running.discard(task)

    def _internal_error(self, error: Exception) -> str:
        """Return the text of an error for a bug in the plugin.

        The text names the source line, but contains no value, because a value may be secret.
        """
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
        return f"internal error of the {self._provider.name} plugin ({type(error).__name__} at {where})"

    async def GetPluginInfo(self, request: empty_pb2.Empty, context: Context) -> plugin_pb2.PluginInfo:
        """Return the version of the plugin."""
        return plugin_pb2.PluginInfo(version=self._provider.version)

    async def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: Context
    ) -> provider_pb2.GetSchemaResponse:
        """Return only name and version, because programs use the types of the official SDK."""
        provider = self._provider
        return provider_pb2.GetSchemaResponse(
            schema=f'{{"name": "{provider.name}", "version": "{provider.version}"}}'
        )

    async def Cancel(self, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:
        """Cancel running operations, which then fail."""
        self._cancel()
        return empty_pb2.Empty()

    def _cancel(self) -> tuple[asyncio.Future[Any], ...]:
        """Cancel running operations. Return the operations that have not ended yet."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        self._provider.cancel()
        return running

    async def cancel_operations(self) -> None:
        """Cancel running operations, and wait up to two seconds until they end."""
        if running := self._cancel():
            await asyncio.wait(running, timeout=_CANCEL_SECONDS)

    async def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: Context
    ) -> provider_pb2.CheckResponse:
        """Check the inputs of the provider itself. Add the mark of a stand-in."""
        news = without_mark(decode_map(request.news))
        mark = {STAND_IN_KEY: True} if self._provider.marks_state else {}

        async def check() -> Properties:
            return await self._provider.check_config(news) | mark

        return await self._check_inputs(context, check(), news)

    async def Check(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        """Check the inputs of a resource, and return the inputs with defaults."""
        olds, news = decode_map(request.olds), decode_map(request.news)
        check = self._provider.check(request.urn, olds, news, bytes(request.randomSeed))
        return await self._check_inputs(context, check, news)

    async def _check_inputs(
        self, context: Context, check: Awaitable[Properties], news: Properties
    ) -> provider_pb2.CheckResponse:
        async def respond() -> provider_pb2.CheckResponse:
            try:
                return provider_pb2.CheckResponse(inputs=encode_map(await check))
            except CheckError as error:
                return provider_pb2.CheckResponse(failures=check_failures(error.failures))

        return await self._call_provider(context, respond(), news)

    async def DiffConfig(
        self, request: provider_pb2.DiffRequest, context: Context
    ) -> provider_pb2.DiffResponse:
        """Compare the old and new inputs of the provider itself, without the mark of a stand-in."""
        olds, news = without_mark(_old_inputs(request)), without_mark(decode_map(request.news))
        diff = self._provider.diff_config(olds, news)
        return diff_response(await self._call_provider(context, diff, olds, news))

    async def Diff(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:
        """Compare a resource's state and old inputs with its new inputs."""
        state, olds, news = decode_map(request.olds), _old_inputs(request), decode_map(request.news)
        diff = self._provider.diff(request.urn, state, olds, news, list(request.ignoreChanges))
        return diff_response(await self._call_provider(context, diff, state, olds, news))

    async def Configure(
        self, request: provider_pb2.ConfigureRequest, context: Context
    ) -> provider_pb2.ConfigureResponse:
        """Configure the provider with its inputs."""
        args = without_mark(decode_map(request.args))
        await self._call_provider(context, self._provider.configure(args), args)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True,
            supportsPreview=True,
            acceptResources=self._provider.accepts_resources,
            acceptOutputs=False,
        )

    async def Invoke(
        self, request: provider_pb2.InvokeRequest, context: Context
    ) -> provider_pb2.InvokeResponse:
        """Call a function of the provider and return its result."""
        args = decode_map(request.args)
        preview = self._in_preview(request)

        async def respond() -> provider_pb2.InvokeResponse:
            response = provider_pb2.InvokeResponse()
            try:
                result = encode_map(await self._provider.invoke(request.tok, args, preview=preview))
            except CheckError as error:
                return provider_pb2.InvokeResponse(failures=check_failures(error.failures))
            # `return` is a keyword of Python, so the field cannot be named.
            getattr(response, "return").CopyFrom(result)
            return response

        return await self._call_provider(context, respond(), args)

    def _in_preview(self, request: provider_pb2.InvokeRequest) -> bool:
        return request.preview

    async def Construct(
        self, request: provider_pb2.ConstructRequest, context: Context
    ) -> provider_pb2.ConstructResponse:
        """Abort the request, because stand-ins have no component resources."""
        await self._call_provider(context, self._provider.construct(request.type))
        return provider_pb2.ConstructResponse()

    async def Create(
        self, request: provider_pb2.CreateRequest, context: Context
    ) -> provider_pb2.CreateResponse:
        """Create a resource."""
        inputs, limit = decode_map(request.properties), request.timeout
        create = self._provider.create(request.urn, inputs, preview=request.preview, timeout=limit)
        identity, state = await self._call_provider(context, create, inputs, timeout=limit)
        return provider_pb2.CreateResponse(id=identity, properties=encode_map(state))

    async def Update(
        self, request: provider_pb2.UpdateRequest, context: Context
    ) -> provider_pb2.UpdateResponse:
        """Change a resource in place."""
        state, olds, news = (
            decode_map(request.olds),
            decode_map(request.old_inputs),
            decode_map(request.news),
        )
        update = self._provider.update(
            request.urn, state, olds, news, preview=request.preview, timeout=request.timeout
        )
        result = await self._call_provider(context, update, news, olds, state, timeout=request.timeout)
        return provider_pb2.UpdateResponse(properties=encode_map(result))

    async def Read(self, request: provider_pb2.ReadRequest, context: Context) -> provider_pb2.ReadResponse:
        """Read a resource for a refresh, an import or a `.get`."""
        state, inputs = decode_map(request.properties), decode_map(request.inputs)
        read = self._provider.read(request.urn, request.id, state, inputs)
        current_state, current_inputs = await self._call_provider(context, read, state, inputs)
        if not current_state:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=request.id, properties=encode_map(current_state), inputs=encode_map(current_inputs)
        )

    async def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> empty_pb2.Empty:
        """Delete a resource."""
        state, limit = decode_map(request.properties), request.timeout
        delete = self._provider.delete(request.urn, request.id, state, timeout=limit)
        await self._call_provider(context, delete, state, timeout=limit)
        return empty_pb2.Empty()


def _old_inputs(request: provider_pb2.DiffRequest) -> Properties:
    struct: Struct = request.old_inputs if request.HasField("old_inputs") else request.olds
    return decode_map(struct)


def serve(
    create_provider: Callable[[EngineLog], Provider], servicer: Callable[[Any], Servicer] = Servicer
) -> None:
    """Serve a provider until the engine ends. This function is the entry point of every stand-in plugin.

    The first command-line argument that is not an option is the address of the engine. The port of the server
    is printed to standard output.
    """
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if not addresses:
        sys.exit("this program is a Pulumi plugin: the engine starts it and passes its own address")
    try:
        asyncio.run(_serve(servicer(create_provider(EngineLog(addresses[0])))))
    except KeyboardInterrupt:
        return


async def _serve(servicer: Servicer) -> None:
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    parent = os.getppid()
    while os.getppid() == parent:  # a killed engine cannot end its plugins
        await asyncio.sleep(_PARENT_CHECK_SECONDS)
    await servicer.cancel_operations()
    # Worker threads may still wait for a host or cluster. End the process without joining them.
    os._exit(1)
