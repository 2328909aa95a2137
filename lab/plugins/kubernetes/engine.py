"""Messages to the person in front of the engine."""

from __future__ import annotations

import contextlib

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc


class Messages:
    """Sends progress and warnings to the engine's log; a lost message is no failure."""

    def __init__(self, address: str) -> None:
        self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address)) if address else None

    def status(self, urn: str, text: str) -> None:
        """Show a line of progress beside a resource while it is worked on."""
        self._send(engine_pb2.INFO, urn, text, ephemeral=True)

    def warn(self, urn: str, text: str) -> None:
        """Show a warning that stays."""
        self._send(engine_pb2.WARNING, urn, text, ephemeral=False)

    def _send(
        self, severity: engine_pb2.LogSeverity.ValueType, urn: str, text: str, *, ephemeral: bool
    ) -> None:
        if self._stub is None:
            return
        request = engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=ephemeral)
        with contextlib.suppress(grpc.RpcError):
            self._stub.Log(request, timeout=5)
