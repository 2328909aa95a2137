"""Role assignments: the permissions of identities on the containers of storage accounts, and on machines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from lab.cloud.azure.resources import is_inside
from lab.paths import LabPaths

ANONYMOUS = ""
"""The identity of a request without a token."""


class Right(StrEnum):
    """A permission that a role assignment grants."""

    READ_BLOBS = "read-blobs"
    WRITE_BLOBS = "write-blobs"
    ADD_BLOBS = "add-blobs"
    """Create blobs that do not exist."""
    READ_MACHINES = "read-machines"


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """A role assignment: a permission of an identity (its client id) on a container, or on machines.

    `container` is the path of the container: its name in the store, `account/name` in another account. For
    machines it is the scope: the id of a resource group, a scale set or a machine.
    """

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


def is_granted(lab: str, identity: str, right: Right, path: str) -> bool:
    """Return whether an identity (its client id) has a permission on the container of a blob.

    `path` is the path of the blob or container in a URL.
    """
    words = path.strip("/").split("/")
    containers = {words[0], "/".join(words[:2])}
    return any(found.container in containers for found in _assignments(lab, identity, right))


def reads_machine(lab: str, identity: str, id: str) -> bool:
    """Return whether an identity (its client id) may read the machine with a resource id."""
    assignments = _assignments(lab, identity, Right.READ_MACHINES)
    return any(is_inside(id.lower(), found.container.lower()) for found in assignments)


def _assignments(lab: str, identity: str, right: Right) -> list[RoleAssignment]:
    """Return the assignments of a permission to an identity."""
    file = _assignments_file(lab)
    assignments = [RoleAssignment(**item) for item in json.loads(file.read_text())] if file.exists() else []
    return [found for found in assignments if (found.identity, found.right) == (identity, right)]


def _assignments_file(lab: str) -> Path:
    return LabPaths.of(lab).cloud / "grants.json"
