"""The provider protocol: decode a request, work in a thread, answer or fail with one readable line."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf import empty_pb2
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import (
    ResourceProviderServicer,
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
)

from .answers import diff_response, failures, half_made
from .client import Client
from .diffing import Diff, compare
from .engine import Messages
from .errors import InvalidInput, NotReady, PluginError
from .functions import invoke
from .helm import Helm, masked
from .naming import urn_type
from .objects import Objects
from .releases import Releases
from .settings import Settings, configured, moves_cluster
from .values import Value, decode_map, encode_map, has_unknown, secret_strings
from .waiting import Waiter

VERSION = "4.34.2"
RELEASE = "kubernetes:helm.sh/v3:Release"
# Enough for every wait of a large deployment; a waiting thread only sleeps.
_THREADS = 128
Context = grpc.aio.ServicerContext[Any, Any]
Result = TypeVar("Result")


class Servicer(ResourceProviderServicer):
    """Serves one provider instance of the engine."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="work")
        self._cancelled = threading.Event()
        self._client_lock = threading.Lock()
        self._cluster: Client | None = None
        self._use(Settings(problem="the provider is not configured yet"))

    def _use(self, settings: Settings) -> None:
        self._settings = settings
        self._cluster = None
        helm = Helm(settings.access, settings.helm, self._cancelled)
        self._objects = Objects(settings, self._client, self._waiter, self._messages)
        self._releases = Releases(settings, helm, self._client, self._messages)

    def _client(self) -> Client:
        """The cluster's client.

        Raises:
            PluginError: there is no usable kubeconfig.
        """
        if self._settings.access is None:
            raise PluginError(
                f"no cluster to work on: {self._settings.problem}; set kubeconfig on the provider"
            )
        with self._client_lock:
            if self._cluster is None:
                self._cluster = Client(self._settings.access)
            return self._cluster

    def _waiter(self) -> Waiter:
        return Waiter(self._client(), self._cancelled)

    def _for(self, urn: str) -> Objects | Releases:
        return self._releases if urn_type(urn) == RELEASE else self._objects

    async def _work(self, context: Context, work: Callable[[], Result], *secret: dict[str, Value]) -> Result:
        """Run blocking work in a thread; its failure becomes the request's.

        Args:
            context: of the request.
            work: what to do.
            secret: inputs and state whose secrets must not show in an error.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except NotReady as problem:
            text = masked(str(problem), [word for tree in secret for word in secret_strings(tree)])
            await context.abort_with_status(half_made(problem, text))
        except PluginError as problem:
            text = masked(str(problem), [word for tree in secret for word in secret_strings(tree)])
            await context.abort(grpc.StatusCode.UNKNOWN, text)
        except Exception as problem:
            # A bug of ours; where it happened, but no value, which could be a secret.
            place = traceback.extract_tb(problem.__traceback__)[-1]
            where = f"{place.filename.rpartition('/')[2]}:{place.lineno}"
            await context.abort(
                grpc.StatusCode.INTERNAL,
                f"internal error of the kubernetes plugin ({type(problem).__name__} at {where})",
            )

    async def GetPluginInfo(self, request: empty_pb2.Empty, context: Context) -> plugin_pb2.PluginInfo:
        """The version that the stand-in takes the place of."""
        return plugin_pb2.PluginInfo(version=VERSION)

    async def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: Context
    ) -> provider_pb2.GetSchemaResponse:
        """No schema: programs bring their SDK."""
        return provider_pb2.GetSchemaResponse(schema=f'{{"name": "kubernetes", "version": "{VERSION}"}}')

    async def Cancel(self, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:
        """End every wait."""
        self._cancelled.set()
        return empty_pb2.Empty()

    async def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: Context
    ) -> provider_pb2.CheckResponse:
        """Check the provider's own inputs."""
        news = decode_map(request.news)
        try:
            if not has_unknown(news):
                configured(news)
        except InvalidInput as problem:
            return failures(problem)
        return provider_pb2.CheckResponse(inputs=encode_map(news))

    async def DiffConfig(
        self, request: provider_pb2.DiffRequest, context: Context
    ) -> provider_pb2.DiffResponse:
        """Changes of the provider: an update, unless it now means another cluster."""
        olds, news = (
            decode_map(request.old_inputs if request.HasField("old_inputs") else request.olds),
            decode_map(request.news),
        )
        moved = moves_cluster(olds, news)
        changes = compare(olds, news, lambda path: path in moved)
        return diff_response(Diff(changes), ())

    async def Configure(
        self, request: provider_pb2.ConfigureRequest, context: Context
    ) -> provider_pb2.ConfigureResponse:
        """Take the provider's inputs into use."""
        args = decode_map(request.args)
        self._use(await self._work(context, lambda: configured(args), args))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=True, acceptOutputs=False
        )

    async def Invoke(
        self, request: provider_pb2.InvokeRequest, context: Context
    ) -> provider_pb2.InvokeResponse:
        """Functions that need no cluster."""
        args = decode_map(request.args)
        result = await self._work(context, lambda: invoke(request.tok, args), args)
        response = provider_pb2.InvokeResponse()
        # `return` is a keyword of Python, so the field cannot be named.
        getattr(response, "return").CopyFrom(encode_map(result))
        return response

    async def Construct(
        self, request: provider_pb2.ConstructRequest, context: Context
    ) -> provider_pb2.ConstructResponse:
        """Refuse components of the official plugin (yaml/v2, helm.sh/v4, kustomize/v2)."""
        text = f"{request.type} is not supported by this stand-in; use helm.sh/v3:Release or typed resources"
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, text)

    async def Check(self, request: provider_pb2.CheckRequest, context: Context) -> provider_pb2.CheckResponse:
        """Complete and check a resource's inputs."""
        olds, news = decode_map(request.olds), decode_map(request.news)
        resources, seed = self._for(request.urn), bytes(request.randomSeed)

        def work() -> provider_pb2.CheckResponse:
            try:
                return provider_pb2.CheckResponse(
                    inputs=encode_map(resources.check(request.urn, olds, news, seed))
                )
            except InvalidInput as problem:
                return failures(problem)

        return await self._work(context, work, news)

    async def Diff(self, request: provider_pb2.DiffRequest, context: Context) -> provider_pb2.DiffResponse:
        """Compare a resource's inputs; the cluster is not asked."""
        olds, news = decode_map(request.old_inputs), decode_map(request.news)
        resources = self._for(request.urn)
        found = await self._work(context, lambda: resources.diff(request.urn, olds, news), olds, news)
        return diff_response(found, request.ignoreChanges)

    async def Create(
        self, request: provider_pb2.CreateRequest, context: Context
    ) -> provider_pb2.CreateResponse:
        """Make a resource."""
        inputs, resources = decode_map(request.properties), self._for(request.urn)
        identity, state = await self._work(
            context,
            lambda: resources.create(request.urn, inputs, timeout=request.timeout, preview=request.preview),
            inputs,
        )
        return provider_pb2.CreateResponse(id=identity, properties=encode_map(state))

    async def Update(
        self, request: provider_pb2.UpdateRequest, context: Context
    ) -> provider_pb2.UpdateResponse:
        """Change a resource in place."""
        state, olds = decode_map(request.olds), decode_map(request.old_inputs)
        news, resources = decode_map(request.news), self._for(request.urn)
        result = await self._work(
            context,
            lambda: resources.update(
                request.urn, state, olds, news, timeout=request.timeout, preview=request.preview
            ),
            news,
            olds,
            state,
        )
        return provider_pb2.UpdateResponse(properties=encode_map(result))

    async def Read(self, request: provider_pb2.ReadRequest, context: Context) -> provider_pb2.ReadResponse:
        """Read a resource from the cluster, for a refresh, an import or a `.get`."""
        state, inputs = decode_map(request.properties), decode_map(request.inputs)
        resources = self._for(request.urn)
        found, known = await self._work(
            context, lambda: resources.read(request.urn, request.id, state, inputs), state, inputs
        )
        if not found:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=request.id, properties=encode_map(found), inputs=encode_map(known)
        )

    async def Delete(self, request: provider_pb2.DeleteRequest, context: Context) -> empty_pb2.Empty:
        """Delete a resource."""
        state, resources = decode_map(request.properties), self._for(request.urn)
        await self._work(
            context, lambda: resources.delete(request.urn, request.id, state, timeout=request.timeout), state
        )
        return empty_pb2.Empty()


async def _end_with(parent: int) -> None:
    """End this process when the engine is gone: a killed engine cannot say goodbye."""
    while os.getppid() == parent:
        await asyncio.sleep(1)
    os._exit(1)


def serve(engine_address: str) -> None:
    """Serve the engine at an address until it ends this process; prints the port, as plugins do."""

    async def run() -> None:
        server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
        servicer = Servicer(Messages(engine_address))
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        orphaned = asyncio.create_task(_end_with(os.getppid()))
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await server.wait_for_termination()
        orphaned.cancel()

    asyncio.run(run())
