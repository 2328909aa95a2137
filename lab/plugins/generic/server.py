"""The gRPC server of the generic stand-in, which detects whether a function is called in a preview."""

from __future__ import annotations

from pulumi.runtime.proto import provider_pb2 as proto

from lab.plugins.runtime.server import Context, Servicer


class GenericServicer(Servicer):
    """gRPC servicer for a `GenericProvider`."""

    _engine_reports_previews = False

    async def Handshake(
        self, request: proto.ProviderHandshakeRequest, context: Context
    ) -> proto.ProviderHandshakeResponse:
        """Record whether the engine states, when it calls a function, that it runs a preview."""
        self._engine_reports_previews = request.invoke_with_preview
        return proto.ProviderHandshakeResponse(accept_secrets=True)

    def _in_preview(self, request: proto.InvokeRequest) -> bool:
        # An engine that cannot report previews is assumed to preview.
        return request.preview or not self._engine_reports_previews
