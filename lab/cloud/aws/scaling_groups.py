"""The Auto Scaling groups of a lab, in a file. The API writes the groups, `group_machines` reads them.

The machines of the groups are in `lab.cloud.running`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lab.cloud.records import locked, read_records, write_records
from lab.paths import LabPaths

RUNNING = ("Pending", "InProgress", "Cancelling")
"""The statuses of an instance refresh that has not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A lifecycle hook: its transition (`LAUNCHING` or `TERMINATING`), its timeout in seconds, and the result
    after the timeout.
    """

    transition: str
    timeout: int
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """An instance refresh: its id, status, and settings in the format of the API (`Preferences`)."""

    id: str
    status: str
    preferences: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""

    @property
    def runs(self) -> bool:
        """Whether the refresh has not ended."""
        return self.status in RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingGroup:
    """An Auto Scaling group.

    `parameters` are the parameters of the API that created the group, except tags. `desired` is the number of
    machines that the group should have.
    """

    name: str
    parameters: Mapping[str, Any]
    desired: int
    tags: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    suspended: tuple[str, ...] = ()
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    refreshes: tuple[Refresh, ...] = ()

    @property
    def template(self) -> tuple[str, str]:
        """The id and the version of the launch template."""
        policy = self.parameters.get("MixedInstancesPolicy") or {}
        mixed = policy.get("LaunchTemplate", {}).get("LaunchTemplateSpecification")
        template = mixed or self.parameters["LaunchTemplate"]
        return template["LaunchTemplateId"], template["Version"]

    @property
    def subnets(self) -> tuple[str, ...]:
        """The ids of the subnets; empty for a group that names zones."""
        return tuple(filter(None, self.parameters.get("VPCZoneIdentifier", "").split(",")))

    @property
    def refresh(self) -> Refresh | None:
        """The running instance refresh."""
        return next((refresh for refresh in self.refreshes if refresh.runs), None)

    def hook(self, transition: str) -> tuple[str, Hook] | None:
        """Return name and hook of a transition; None without such a hook."""
        return next(
            ((name, hook) for name, hook in self.hooks.items() if hook.transition == transition), None
        )

    def with_refresh(self, changed: Refresh) -> ScalingGroup:
        """Return the group with a changed instance refresh."""
        refreshes = tuple(changed if item.id == changed.id else item for item in self.refreshes)
        return replace(self, refreshes=refreshes)


@dataclass(frozen=True, slots=True)
class ScalingGroups:
    """The groups of a lab. Readers never see a partially written file."""

    path: Path

    @classmethod
    def of(cls, lab: str) -> ScalingGroups:
        """Return the groups of a lab."""
        return cls(LabPaths.of(lab).cloud / "groups.json")

    def all(self) -> dict[str, ScalingGroup]:
        """Return all groups by name."""
        return {item["name"]: _from_json(item) for item in read_records(self.path)}

    def change(self, name: str, transform: Callable[[ScalingGroup], ScalingGroup]) -> None:
        """Change a group, under a lock. Raise KeyError for an unknown group."""
        with self._locked() as groups:
            groups[name] = transform(groups[name])

    def add(self, group: ScalingGroup) -> None:
        """Add a group. Raise ValueError if a group has the same name."""
        with self._locked() as groups:
            if group.name in groups:
                raise ValueError(f"the group {group.name} exists")
            groups[group.name] = group

    def remove(self, name: str) -> None:
        """Remove a group. Raise KeyError for an unknown group."""
        with self._locked() as groups:
            del groups[name]

    @contextmanager
    def _locked(self) -> Iterator[dict[str, ScalingGroup]]:
        """Yield all groups, and write them at the end of the block."""
        with locked(self.path):
            groups = self.all()
            yield groups
            write_records(self.path, groups.values())


def _from_json(item: Mapping[str, Any]) -> ScalingGroup:
    return ScalingGroup(
        **{
            **item,
            "suspended": tuple(item["suspended"]),
            "hooks": {name: Hook(**hook) for name, hook in item["hooks"].items()},
            "refreshes": tuple(Refresh(**refresh) for refresh in item["refreshes"]),
        }
    )
