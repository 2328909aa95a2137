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
class RoleAssignment:
    """A role assignment: a permission of an identity (its client id) on a container."""

    identity: str
    right: Right
    container: str


def write_assignments(lab: str, assignments: Iterable[RoleAssignment]) -> None:
    """Replace all role assignments of a lab."""
    path = _assignments_file(lab)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".new").write_text(
        json.dumps([asdict(assignment) for assignment in assignments], indent=2)
    )
    path.with_suffix(".new").replace(path)


def is_granted(lab: str, identity: str, right: Right, container: str) -> bool:
    """Return whether an identity (its client id) has a permission on a container."""
    path = _assignments_file(lab)
    assignments = [RoleAssignment(**item) for item in json.loads(path.read_text())] if path.exists() else []
    return RoleAssignment(identity, right, container) in assignments


def _assignments_file(lab: str) -> Path:
    return LabPaths.of(lab).cloud / "grants.json"
