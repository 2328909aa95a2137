"""Role assignments: the permissions of identities on the containers of the store."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from lab.paths import LabPaths


class Right(StrEnum):
    """A permission that a role assignment grants."""

    READ_BLOBS = "read-blobs"
    WRITE_BLOBS = "write-blobs"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role assignment: a permission of an identity (its client id) on a container."""

    identity: str
    right: Right
    container: str


def assign(lab: str, grants: Iterable[Grant]) -> None:
    """Replace all assignments."""
    path = _assignments_file(lab)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".new").write_text(json.dumps([asdict(grant) for grant in grants], indent=2))
    path.with_suffix(".new").replace(path)


def granted(lab: str, identity: str, right: Right, container: str) -> bool:
    """Check whether an identity has a permission on a container."""
    path = _assignments_file(lab)
    known = [Grant(**item) for item in json.loads(path.read_text())] if path.exists() else []
    return Grant(identity, right, container) in known


def _assignments_file(lab: str) -> Path:
    return LabPaths.of(lab).cloud / "grants.json"
