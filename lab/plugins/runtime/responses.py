"""Messages of the provider protocol built from diffs and errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from lab.plugins.runtime.diff import Diff
from lab.plugins.runtime.errors import CheckFailure, NotReady
from lab.plugins.runtime.values import encode_map

_KINDS = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


@dataclass(frozen=True)
class _GrpcStatus(grpc.Status):
    """A gRPC status with details for the engine."""

    code: grpc.StatusCode
    details: str
    trailing_metadata: Any


def check_failures(failures: Iterable[CheckFailure]) -> list[provider_pb2.CheckFailure]:
    """Return failed checks of inputs as messages of the provider protocol."""
    return [provider_pb2.CheckFailure(property=item.field, reason=item.reason) for item in failures]


def diff_response(diff: Diff) -> provider_pb2.DiffResponse:
    """Return a diff as a message of the provider protocol, path by path."""
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=some if diff.changes else none,
        replaces=diff.replaces,
        diffs=diff.changed,
        deleteBeforeReplace=diff.delete_first,
        detailedDiff={
            path: provider_pb2.PropertyDiff(
                kind=_KINDS[change.kind, change.replace], inputDiff=diff.of_inputs
            )
            for path, change in diff.changes.items()
        },
        hasDetailedDiff=True,
    )


def partial_failure(error: NotReady, text: str) -> _GrpcStatus:
    """Return the gRPC status for a resource that exists but failed. The engine then stores the resource."""
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.resource_id, properties=encode_map(error.outputs), reasons=[text]
    )
    packed = any_pb2.Any()
    packed.Pack(detail)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=text, details=[packed])
    return _GrpcStatus(
        grpc.StatusCode.UNKNOWN, text, (("grpc-status-details-bin", status.SerializeToString()),)
    )
