"""Answers of the provider protocol that take some shaping."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from .diffing import Change, Diff
from .errors import InvalidInput, NotReady
from .values import encode_map

_KINDS = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


@dataclass(frozen=True)
class _Status(grpc.Status):
    """A gRPC status with details for the engine."""

    code: grpc.StatusCode
    details: str
    trailing_metadata: Any


def failures(problem: InvalidInput) -> provider_pb2.CheckResponse:
    """A failed check that names the input."""
    failure = provider_pb2.CheckFailure(property=problem.field, reason=str(problem))
    return provider_pb2.CheckResponse(failures=[failure])


def diff_response(found: Diff, ignored: Iterable[str]) -> provider_pb2.DiffResponse:
    """The changes path by path, without those that the program ignores."""
    changes: dict[str, Change] = {
        path: change for path, change in found.changes.items() if not _ignored(path, ignored)
    }
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=[path for path, change in changes.items() if change.replace],
        diffs=sorted({path.partition(".")[0].partition("[")[0] for path in changes}),
        deleteBeforeReplace=found.delete_first,
        detailedDiff={
            path: provider_pb2.PropertyDiff(kind=_KINDS[change.kind, change.replace], inputDiff=True)
            for path, change in changes.items()
        },
        hasDetailedDiff=True,
    )


def _ignored(path: str, ignored: Iterable[str]) -> bool:
    return any(path == item or path.startswith((f"{item}.", f"{item}[")) for item in ignored)


def half_made(problem: NotReady, text: str) -> _Status:
    """The status that makes the engine keep a resource that exists but failed."""
    detail = provider_pb2.ErrorResourceInitFailed(
        id=problem.resource_id, properties=encode_map(problem.outputs), reasons=[text]
    )
    packed = any_pb2.Any()
    packed.Pack(detail)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=text, details=[packed])
    return _Status(grpc.StatusCode.UNKNOWN, text, (("grpc-status-details-bin", status.SerializeToString()),))
