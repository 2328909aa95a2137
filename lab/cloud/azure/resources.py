"""The resources of the emulated Azure Resource Manager, in a file.

The management API writes the file, `lab.cloud.azure.group_machines` reads and changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab.cloud.records import locked, read_records, write_records
from lab.paths import LabPaths

Body = Mapping[str, Any]
"""A resource in the format of the API."""

VIRTUAL_MACHINE = "Microsoft.Compute/virtualMachines"
SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"
RESOURCE_GROUP = "Microsoft.Resources/resourceGroups"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """A rolling upgrade of a scale set: its status and start in the format of the API, and its progress.

    `model` is the digest of the model to which it changes the instances. `paused_until` is the Unix time
    before which the next batch does not start, `batch_start` the time when the current batch started.
    """

    model: str
    status: str
    start: str
    successful: int = 0
    pending: int = 0
    reason: str = ""
    paused_until: float = 0.0
    batch_start: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource: its id, type and body.

    `deleting` is true after the request to delete it, until its machines have ended. `next_instance` is the
    number of the next instance of a scale set.
    """

    id: str
    type: str
    body: Body
    deleting: bool = False
    next_instance: int = 0
    upgrade: Upgrade | None = None

    @property
    def name(self) -> str:
        """The last part of the id."""
        return self.id.rpartition("/")[2]

    @property
    def properties(self) -> Body:
        """The part `properties` of the body."""
        properties: Body = self.body.get("properties") or {}
        return properties

    def with_properties(self, **values: object) -> Resource:
        """Return the resource with other values of some properties."""
        return replace(self, body={**self.body, "properties": {**self.properties, **values}})


@dataclass(frozen=True, slots=True)
class Resources:
    """The resources of a lab by id in lower case. Readers never see a partially written file."""

    path: Path

    @classmethod
    def of(cls, lab: str) -> Resources:
        """Return the resources of a lab."""
        return cls(LabPaths.of(lab).cloud / "resources.json")

    def all(self) -> dict[str, Resource]:
        """Return all resources by id in lower case."""
        return {item["id"].lower(): _from_json(item) for item in read_records(self.path)}

    def of_type(self, kind: str) -> list[Resource]:
        """Return all resources of a type."""
        return [resource for resource in self.all().values() if resource.type.lower() == kind.lower()]

    def change(self, id: str, transform: Callable[[Resource], Resource]) -> None:
        """Change a resource, under a lock. Do nothing if it does not exist."""
        with self.locked() as resources:
            if id.lower() in resources:
                resources[id.lower()] = transform(resources[id.lower()])

    def remove(self, id: str) -> None:
        """Remove a resource and the resources below it."""
        with self.locked() as resources:
            for key in [key for key in resources if is_inside(key, id.lower())]:
                del resources[key]

    @contextmanager
    def locked(self) -> Iterator[dict[str, Resource]]:
        """Yield all resources, and write them at the end of the block unless it raises an error."""
        with locked(self.path):
            resources = self.all()
            yield resources
            write_records(self.path, resources.values())


def is_inside(id: str, outer: str) -> bool:
    """Check whether an id is `outer` or below it. Both are in lower case."""
    return id == outer or id.startswith(f"{outer}/")


@dataclass(frozen=True, slots=True)
class ResourceId:
    """The parts of a resource id: the type, and the id of the scope or resource that contains it."""

    type: str
    parent: str


def parse_id(id: str) -> ResourceId | None:
    """Return the parts of a resource id; None for a path that is no id of a resource."""
    words = id.strip("/").split("/")
    if len(words) == 4 and (words[0], words[2].lower()) == ("subscriptions", "resourcegroups"):
        return ResourceId(RESOURCE_GROUP, f"/{'/'.join(words[:2])}")
    scope, found, rest = id.rpartition("/providers/")
    parts = rest.split("/")
    if not found or len(parts) < 3 or len(parts) % 2 == 0 or not all(parts):
        return None
    kind = "/".join((parts[0], *parts[1::2]))
    return ResourceId(kind, scope if len(parts) == 3 else id.rsplit("/", 2)[0])


def _from_json(item: Mapping[str, Any]) -> Resource:
    upgrade = Upgrade(**item["upgrade"]) if item.get("upgrade") else None
    return Resource(**{**item, "upgrade": upgrade})
