"""Client of the engine's log, whose lines the user sees next to a resource."""

from __future__ import annotations

import contextlib

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

_TIMEOUT_SECONDS = 5


class EngineLog:
    """Client of the engine log at `address` (host:port). A line that cannot be sent is no error.

    The methods block for a moment. Any thread may call them.
    """

    def __init__(self, address: str) -> None:
        # The channel connects on the first line, because most runs of a plugin never log.
        self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address)) if address else None

    def status(self, urn: str, text: str) -> None:
        """Show a line of progress next to the resource. The engine does not store the line."""
        self._send_line(engine_pb2.INFO, urn, text, ephemeral=True)

    def warning(self, urn: str, text: str) -> None:
        """Show a warning, which the engine repeats in the summary."""
        self._send_line(engine_pb2.WARNING, urn, text, ephemeral=False)

    def _send_line(
        self, severity: engine_pb2.LogSeverity.ValueType, urn: str, text: str, *, ephemeral: bool
    ) -> None:
        if self._stub is None:
            return
        request = engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=ephemeral)
        with contextlib.suppress(grpc.RpcError):
            self._stub.Log(request, timeout=_TIMEOUT_SECONDS)
