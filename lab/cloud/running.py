"""Which machines the cloud runs: written by whoever plays the cloud, read by what answers machines."""

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
class Running:
    """A machine as the cloud knows it.

    `id` is the cloud's, `host` the lab's name. `identity` is what it may do: a role's name (AWS), or
    the client id of a managed identity (Azure). `group` is the group that made it, `version` that of its
    template. `lifecycle` is `InService`, or `Terminated` once it is told to go; `hook` what its group
    waits for (AWS; empty: nothing), `released`: it said that it is ready to go on.
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
class Fleet:
    """All machines of a lab's cloud, kept in a file. Whole or not at all, whoever reads meanwhile."""

    path: Path

    @classmethod
    def of(cls, lab: str) -> Fleet:
        """The machines of a lab."""
        return cls(LabPaths.of(lab).cloud / "machines.json")

    def all(self) -> tuple[Running, ...]:
        """Every machine there is."""
        try:
            return tuple(Running(**item) for item in json.loads(self.path.read_text()))
        except FileNotFoundError:
            return ()

    def at(self, address: str) -> Running | None:
        """The machine with that address; None: no machine of this cloud."""
        return next((machine for machine in self.all() if machine.address == address), None)

    def of_id(self, identifier: str) -> Running | None:
        """The machine of that id."""
        return next((machine for machine in self.all() if machine.id == identifier), None)

    def add(self, machine: Running) -> None:
        """Start a machine, in place of an earlier one at its address."""
        self._change(lambda all: [*(other for other in all if other.address != machine.address), machine])

    def remove(self, identifier: str) -> None:
        """End a machine."""
        self._change(lambda all: [machine for machine in all if machine.id != identifier])

    def tell(self, identifier: str, **changes: object) -> None:
        """Change what a machine is told: `lifecycle`, `hook`, `spot_action`, `released`."""

        def told(machine: Running) -> Running:
            return replace(machine, **changes) if machine.id == identifier else machine  # type: ignore[arg-type]

        self._change(lambda all: [told(machine) for machine in all])

    def _change(self, change: Callable[[Iterable[Running]], Iterable[Running]]) -> None:
        """One change at a time, by whichever process."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            fresh = self.path.with_suffix(".new")
            machines = [asdict(machine) for machine in change(self.all())]
            fresh.write_text(json.dumps(machines, indent=2) + "\n")
            fresh.replace(self.path)


def admin_secret(lab: str) -> str:
    """The secret of the deployer's own key in this lab's cloud; made on first use."""
    path = LabPaths.of(lab).cloud / "admin"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_new(path, secrets.token_urlsafe(30), mode=0o600)
    return path.read_text()
