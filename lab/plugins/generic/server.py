"""The plugin's gRPC side, with what the SDK's leaves out: old inputs, and whether this is a preview."""

from __future__ import annotations

from google.protobuf.message import Message
from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2 as proto

from lab.plugins.common.serve import Context, Handler, Servicer
from lab.plugins.common.values import Properties
from lab.plugins.generic.assets import closed, opened
from lab.plugins.generic.provider import GenericProvider

_KINDS = {
    api.PropertyDiffKind.ADD: proto.PropertyDiff.ADD,
    api.PropertyDiffKind.ADD_REPLACE: proto.PropertyDiff.ADD_REPLACE,
    api.PropertyDiffKind.DELETE: proto.PropertyDiff.DELETE,
    api.PropertyDiffKind.DELETE_REPLACE: proto.PropertyDiff.DELETE_REPLACE,
    api.PropertyDiffKind.UPDATE: proto.PropertyDiff.UPDATE,
    api.PropertyDiffKind.UPDATE_REPLACE: proto.PropertyDiff.UPDATE_REPLACE,
}


class GenericServicer(Servicer):
    """The servicer of a `GenericProvider`."""

    _provider: GenericProvider
    _knows_previews = False

    async def Handshake(
        self, request: proto.ProviderHandshakeRequest, context: Context
    ) -> proto.ProviderHandshakeResponse:
        """Learn whether the engine will say that it previews."""
        self._knows_previews = request.invoke_with_preview
        return proto.ProviderHandshakeResponse(accept_secrets=True)

    async def run(self, handler: Handler, request: Message, context: Context) -> Message:
        """Answer a request with its assets as objects, which keep their hashes."""
        opened(request)
        response = await super().run(handler, request, context)
        closed(response)
        return response

    async def Diff(self, request: proto.DiffRequest, context: Context) -> Message:
        """Compare a resource's inputs; a state made by another plugin has outputs of another form."""

        async def work(asked: Message, _: Context) -> Message:
            return _response(
                self._provider.compare(
                    request.urn, _old(request), _properties(request.news), list(request.ignoreChanges)
                )
            )

        return await self.run(work, request, context)

    async def DiffConfig(self, request: proto.DiffRequest, context: Context) -> Message:
        """Compare the provider's settings."""

        async def work(asked: Message, _: Context) -> Message:
            return _response(self._provider.diff_settings(_old(request), _properties(request.news)))

        return await self.run(work, request, context)

    async def Invoke(  # type: ignore[override]  # `run` gives any message
        self, request: proto.InvokeRequest, context: Context
    ) -> Message:
        """Answer a question in a preview. An engine that cannot say what it does is believed to preview."""

        async def work(asked: Message, _: Context) -> Message:
            preview = request.preview or not self._knows_previews
            found = self._provider.answer(request.tok, _properties(request.args), preview=preview)
            response = proto.InvokeResponse()
            # `return` is a keyword of Python, so the field cannot be named.
            getattr(response, "return").CopyFrom(PropertyValue.marshal_map(found))
            return response

        return await self.run(work, request, context)


def _old(request: proto.DiffRequest) -> Properties:
    return _properties(request.old_inputs if request.HasField("old_inputs") else request.olds)


def _properties(struct: Message) -> Properties:
    return PropertyValue.unmarshal_map(struct)  # type: ignore[arg-type]


def _response(found: api.DiffResponse) -> proto.DiffResponse:
    return proto.DiffResponse(
        replaces=found.replaces,
        changes=proto.DiffResponse.DIFF_SOME if found.changes else proto.DiffResponse.DIFF_NONE,
        diffs=found.diffs,
        detailedDiff={
            path: proto.PropertyDiff(kind=_KINDS[item.kind], inputDiff=item.input_diff)
            for path, item in found.detailed_diff.items()
        },
        hasDetailedDiff=True,
    )
