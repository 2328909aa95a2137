"""The list of running machines of an emulated cloud. Tests write the list, cloud services read it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.cloud.records import locked, read_records, write_records
from lab.keys import write_atomically
from lab.paths import LabPaths

ADMIN = "KWLABADMIN0000000000"
"""The id of the deployer's access key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningMachine:
    """A machine of the emulated cloud.

    `id` is the cloud's id, `host` the name in the lab. `identity` is the name of a role or the client id of a
    managed identity. `identities` maps the resource ids of all managed identities to their client ids.
    `group` is the group that created the machine, `template` and `version` are id and version of its
    template. `lifecycle` is `InService`, or `Terminated` after the cloud has told the machine to end. `hook`
    is the lifecycle hook for which the group waits, or empty; it times out at the Unix time `hook_deadline`.
    `released` is true after the machine completed the hook. `reimage` is true from the request for a fresh
    disk until the machine has booted from it. `spot_action` is what the cloud does with a spot machine that
    it reclaims, and `spot_deadline` the Unix time of that, if the cloud has such a time. `started` and
    `reimaged` are the Unix times of the first and the last boot from a fresh disk.
    """

    id: str
    host: str
    address: str
    hostname: str
    zone: str
    region: str
    identity: str
    group: str
    group_tags: Mapping[str, str] = field(default_factory=dict)
    type: str = "t3.large"
    lifecycle: str = "InService"
    spot_action: str = ""
    spot_deadline: float = 0.0
    hook: str = ""
    hook_deadline: float = 0.0
    template: str = "lt-lab"
    version: str = "1"
    released: bool = False
    reimage: bool = False
    started: float = 0.0
    reimaged: float = 0.0
    identities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MachineStates:
    """The list of machines of a lab, in a file that readers never see partially written."""

    path: Path

    @classmethod
    def of(cls, lab: str) -> MachineStates:
        """Return the machine list of a lab."""
        return cls(LabPaths.of(lab).cloud / "machines.json")

    def all(self) -> tuple[RunningMachine, ...]:
        """Return all machines of the lab."""
        return tuple(RunningMachine(**item) for item in read_records(self.path))

    def by_address(self, address: str) -> RunningMachine | None:
        """Return the machine with this address, or None."""
        return next((machine for machine in self.all() if machine.address == address), None)

    def by_id(self, identifier: str) -> RunningMachine | None:
        """Return the machine with this cloud id, or None."""
        return next((machine for machine in self.all() if machine.id == identifier), None)

    def add(self, machine: RunningMachine) -> None:
        """Add a machine that starts now, and remove an earlier machine with the same address."""
        added = replace(machine, started=machine.started or time.time())
        self._update_file(
            lambda machines: [*(other for other in machines if other.address != machine.address), added]
        )

    def remove(self, identifier: str) -> None:
        """Remove a machine."""
        self._update_file(lambda machines: [machine for machine in machines if machine.id != identifier])

    def update(self, identifier: str, **changes: object) -> None:
        """Change fields of a machine that are not constant, such as `lifecycle` and `hook`."""

        def updated(machine: RunningMachine) -> RunningMachine:
            return replace(machine, **changes) if machine.id == identifier else machine  # type: ignore[arg-type]

        self._update_file(lambda machines: [updated(machine) for machine in machines])

    def _update_file(self, transform: Callable[[Iterable[RunningMachine]], Iterable[RunningMachine]]) -> None:
        """Replace the list by `transform(list)` under a lock, because several processes write the file."""
        with locked(self.path):
            write_records(self.path, transform(self.all()))


def admin_secret(lab: str) -> str:
    """Return the secret key of the deployer in this lab. Create the key on first use."""
    path = LabPaths.of(lab).cloud / "admin"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, secrets.token_urlsafe(30), mode=0o600)
    return path.read_text()
