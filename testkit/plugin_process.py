"""Runs a resource plugin in a separate process and calls it as the engine does, but without an engine.

Tests that use this module can also run on official plugins: KUBEWRIGHT_PLUGINS=official.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from lab.plugins.runtime.values import Properties, decode_map, encode_map
from testkit.cluster import cache

_CALL_SECONDS = 120.0
_SEED = bytes(range(32))


class OperationFailed(Exception):
    """The error for a failed operation. The text contains the failed checks or the error of the plugin."""


@dataclass(frozen=True)
class CreatedResource:
    """A created resource: its id, its checked inputs and its state."""

    identity: str
    inputs: Properties
    state: Properties


@dataclass(frozen=True)
class DiffResult:
    """The result of a comparison of a resource with new inputs."""

    changed: bool
    replaces: bool
    delete_first: bool


class FakeEngine(engine_pb2_grpc.EngineServicer):
    """The log service of the engine. `lines` are the messages that the plugin logged."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def Log(self, request: engine_pb2.LogRequest, context: object) -> empty_pb2.Empty:
        self.lines.append(request.message)
        return empty_pb2.Empty()


@dataclass
class Plugin:
    """A running plugin. The argument `token` is a type token, such as `command:remote:Command`."""

    stub: Any
    engine: FakeEngine
    calls: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(4))

    def configure(self, settings: Mapping[str, Any] | None = None) -> Properties:
        """Check the inputs of the provider and configure the plugin. Return the checked inputs."""
        request = provider_pb2.CheckRequest(urn=_urn("pulumi:providers:x"), news=encode_map(settings or {}))
        checked = decode_map(self._call(self.stub.CheckConfig, request).inputs)
        arguments = provider_pb2.ConfigureRequest(
            args=encode_map(checked), acceptSecrets=True, acceptResources=True, sends_old_inputs=True
        )
        self._call(self.stub.Configure, arguments)
        return checked

    def check(
        self, token: str, inputs: Mapping[str, Any], olds: Mapping[str, Any] | None = None
    ) -> Properties:
        """Return the inputs with defaults. Raise OperationFailed with all failures."""
        request = provider_pb2.CheckRequest(
            urn=_urn(token),
            news=encode_map(dict(inputs)),
            olds=encode_map(dict(olds)) if olds is not None else None,
            randomSeed=_SEED,
        )
        response = self._call(self.stub.Check, request)
        if response.failures:
            raise OperationFailed("; ".join(f"{item.property}: {item.reason}" for item in response.failures))
        return decode_map(response.inputs)

    def create(
        self, token: str, inputs: Mapping[str, Any], *, preview: bool = False, timeout: float = 0
    ) -> CreatedResource:
        """Check the inputs and create the resource. Raise OperationFailed."""
        checked = self.check(token, inputs)
        request = provider_pb2.CreateRequest(
            urn=_urn(token), properties=encode_map(checked), preview=preview, timeout=timeout
        )
        response = self._call(self.stub.Create, request)
        return CreatedResource(response.id, checked, decode_map(response.properties))

    def start_create(self, token: str, inputs: Mapping[str, Any]) -> Future[CreatedResource]:
        """Create a resource in the background."""
        return self.calls.submit(self.create, token, inputs)

    def diff(self, token: str, old: CreatedResource, inputs: Mapping[str, Any]) -> DiffResult:
        """Compare a resource with new inputs."""
        news = self.check(token, inputs, old.inputs)
        request = provider_pb2.DiffRequest(**_change_fields(token, old, news))
        response = self._call(self.stub.Diff, request)
        kinds = [item.kind for item in response.detailedDiff.values()]
        replaces = bool(response.replaces) or any(kind % 2 == 1 for kind in kinds)
        changed = response.changes == provider_pb2.DiffResponse.DIFF_SOME
        return DiffResult(changed, replaces, replaces and response.deleteBeforeReplace)

    def update(self, token: str, old: CreatedResource, inputs: Mapping[str, Any]) -> CreatedResource:
        """Change a resource in place. Raise OperationFailed."""
        news = self.check(token, inputs, old.inputs)
        request = provider_pb2.UpdateRequest(**_change_fields(token, old, news))
        response = self._call(self.stub.Update, request)
        return CreatedResource(old.identity, news, decode_map(response.properties))

    def read(self, token: str, old: CreatedResource) -> Properties:
        """Return the state of a resource; empty when it no longer exists."""
        request = provider_pb2.ReadRequest(
            id=old.identity, urn=_urn(token), properties=encode_map(old.state), inputs=encode_map(old.inputs)
        )
        return decode_map(self._call(self.stub.Read, request).properties)

    def delete(self, token: str, old: CreatedResource) -> None:
        """Delete a resource. Raise OperationFailed."""
        request = provider_pb2.DeleteRequest(
            id=old.identity,
            urn=_urn(token),
            properties=encode_map(old.state),
            old_inputs=encode_map(old.inputs),
        )
        self._call(self.stub.Delete, request)

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Properties:
        """Call a function and return its result."""
        request = provider_pb2.InvokeRequest(tok=token, args=encode_map(dict(arguments)))
        return decode_map(getattr(self._call(self.stub.Invoke, request), "return"))

    def cancel(self) -> None:
        """Send the request that the engine sends to plugins when the user interrupts it."""
        self._call(self.stub.Cancel, empty_pb2.Empty())

    def _call(self, method: Any, request: object) -> Any:  # noqa: ANN401 - messages of the protocol
        try:
            return method(request, timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            raise OperationFailed(str(error.details())) from None


def _urn(token: str) -> str:
    return f"urn:pulumi:test::cases::{token}::thing"


def _change_fields(token: str, old: CreatedResource, news: Properties) -> dict[str, Any]:
    """Return the fields that requests for a comparison and for an update have in common."""
    return {
        "id": old.identity,
        "urn": _urn(token),
        "olds": encode_map(old.state),
        "news": encode_map(news),
        "old_inputs": encode_map(old.inputs),
    }


@contextmanager
def start_plugin(program: Path, log: Path) -> Iterator[Plugin]:
    """Start a plugin, and yield the plugin before its configuration. Its error output goes to the file `log`.

    PATH contains the tools of the deployer, because the stand-in for kubernetes runs helm.
    """
    engine, server = FakeEngine(), grpc.server(ThreadPoolExecutor(4))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with (
        log.open("w") as messages,
        subprocess.Popen(
            [program, f"127.0.0.1:{port}"],
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
            env=os.environ | {"PATH": os.pathsep.join([str(cache() / "bin"), os.environ["PATH"]])},
        ) as process,
    ):
        try:
            assert process.stdout is not None
            address = f"127.0.0.1:{int(process.stdout.readline())}"
            with grpc.insecure_channel(address, options=_GRPC_CHANNEL_OPTIONS) as channel:
                yield Plugin(provider_pb2_grpc.ResourceProviderStub(channel), engine)
        finally:
            process.kill()
            server.stop(None)
