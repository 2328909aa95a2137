"""Machines that the emulated cloud runs: tests write them, the services that answer machines read them."""

from __future__ import annotations

import fcntl
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from lab.keys import write_new
from lab.paths import LabPaths

ADMIN = "KWLABADMIN0000000000"
"""Name of the deployer's own key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningMachine:
    """A machine of the cloud.

    `id` is the cloud's id, `host` the lab's name. `identity` is the name of a role or the client id
    of a managed identity. `group` is the group that created the machine, `version` the version of
    its template. `lifecycle` is `InService`, or `Terminated` after the order to end. `hook` is the hook
    that the group waits for (empty: none). `released`: the machine completed the hook.
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
    hook: str = ""
    version: str = "1"
    released: bool = False


@dataclass(frozen=True, slots=True)
class MachineStates:
    """All machines of a lab's cloud, in a file that readers never see partially written."""

    path: Path

    @classmethod
    def of(cls, lab: str) -> MachineStates:
        """Return the machines of a lab."""
        return cls(LabPaths.of(lab).cloud / "machines.json")

    def all(self) -> tuple[RunningMachine, ...]:
        """Return all machines."""
        try:
            return tuple(RunningMachine(**item) for item in json.loads(self.path.read_text()))
        except FileNotFoundError:
            return ()

    def at(self, address: str) -> RunningMachine | None:
        """Return the machine with that address; None for other addresses."""
        return next((machine for machine in self.all() if machine.address == address), None)

    def of_id(self, identifier: str) -> RunningMachine | None:
        """Return the machine with that id."""
        return next((machine for machine in self.all() if machine.id == identifier), None)

    def add(self, machine: RunningMachine) -> None:
        """Start a machine in place of an earlier one at its address."""
        self._update_file(
            lambda all: [*(other for other in all if other.address != machine.address), machine]
        )

    def remove(self, identifier: str) -> None:
        """Remove a machine."""
        self._update_file(lambda all: [machine for machine in all if machine.id != identifier])

    def update(self, identifier: str, **changes: object) -> None:
        """Change fields of a machine: `lifecycle`, `hook`, `spot_action`, `released`."""

        def updated(machine: RunningMachine) -> RunningMachine:
            return replace(machine, **changes) if machine.id == identifier else machine  # type: ignore[arg-type]

        self._update_file(lambda all: [updated(machine) for machine in all])

    def _update_file(self, change: Callable[[Iterable[RunningMachine]], Iterable[RunningMachine]]) -> None:
        """Change the file under a lock: several processes write it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            fresh = self.path.with_suffix(".new")
            machines = [asdict(machine) for machine in change(self.all())]
            fresh.write_text(json.dumps(machines, indent=2) + "\n")
            fresh.replace(self.path)


def admin_secret(lab: str) -> str:
    """Return the secret of the deployer's key in this lab's cloud; created on first use."""
    path = LabPaths.of(lab).cloud / "admin"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_new(path, secrets.token_urlsafe(30), mode=0o600)
    return path.read_text()
