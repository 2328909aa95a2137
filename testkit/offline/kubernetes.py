"""`python -m testkit.offline.kubernetes ENGINE`: the kubernetes plugin without a cluster."""

from __future__ import annotations

import sys
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from lab.plugins.kubernetes import server

Answer = Any


class Offline(server.Servicer):
    """Objects are what was asked for. Checks and diffs are the stand-in's own."""

    async def Create(self, request: provider_pb2.CreateRequest, context: server.Context) -> Answer:
        """Done."""
        name = request.urn.rpartition("::")[2]
        return provider_pb2.CreateResponse(id="" if request.preview else name, properties=request.properties)

    async def Update(self, request: provider_pb2.UpdateRequest, context: server.Context) -> Answer:
        """Done."""
        return provider_pb2.UpdateResponse(properties=request.news)

    async def Read(self, request: provider_pb2.ReadRequest, context: server.Context) -> Answer:
        """As it was left."""
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    async def Delete(self, request: provider_pb2.DeleteRequest, context: server.Context) -> Answer:
        """Done."""
        return empty_pb2.Empty()


if __name__ == "__main__":
    server.Servicer = Offline  # type: ignore[misc]  # what `serve` makes
    server.serve(next(word for word in sys.argv[1:] if not word.startswith("-")))
