"""The engine's log, which the user sees beside the resource."""

from pulumi.runtime.proto import engine_pb2


class EngineLog:
    """Sends lines to the engine at `address` (host:port)."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._stub: object | None = None

    async def status(self, urn: str, text: str) -> None:
        """Show a line beside the resource while it is being worked on; it is not kept."""
        await self._send(urn, text, engine_pb2.INFO, ephemeral=True)

    async def warning(self, urn: str, text: str) -> None:
        """Show a warning, kept in the summary."""
        await self._send(urn, text, engine_pb2.WARNING, ephemeral=False)

    async def _send(
        self, urn: str, text: str, severity: "engine_pb2.LogSeverity.ValueType", *, ephemeral: bool
    ) -> None:
        # Imported and connected on the first line: most runs of a plugin never log.
        import grpc.aio
        from pulumi.runtime.proto import engine_pb2_grpc

        if self._stub is None:
            self._stub = engine_pb2_grpc.EngineStub(grpc.aio.insecure_channel(self._address))
        request = engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=ephemeral)
        await self._stub.Log(request)  # type: ignore[attr-defined]
