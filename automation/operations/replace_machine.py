"""The `replace` command in a cloud: the cloud replaces a machine, and the new machine installs itself.

A new machine of a member has the address and the data volume of the old machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from automation.errors import UserError
from automation.operations.store_remote import StoreRemote
from automation.operations.target import Target
from providers.cloud.requests import CloudFailure, Place
from topology.model import Role

_LIMIT_SECONDS = 2400
_INTERVAL_SECONDS = 5.0


def replace_machine(target: Target, remote: StoreRemote, host: str, delete_node: Callable[[], None]) -> int:
    """Replace a machine and wait until its successor is healthy. Return 0.

    `delete_node` deletes the Node of the machine. It is called for a pool whose new machine has the same name
    and provider ID; a new machine of a member deletes the Node of its predecessor itself.
    Raise UserError for an unknown machine, when the cloud refuses, and when the successor is not healthy in
    time.
    """
    machine = next(item for item in target.topology.machines if item.name == host)
    replacement = _Replacement(remote, host, remote.places[host], machine.roles)
    try:
        replacement.begin()
        print(f"{host}: the cloud replaces the machine", flush=True)
        if remote.places[host].node and not replacement.before:
            delete_node()
        successor = replacement.wait()
    except CloudFailure as error:
        raise UserError(f"{host}: not replaced: {error}") from None
    print(f"{host}: replaced" + (f" by {successor}" if successor != host else ""))
    return 0


@dataclass
class _Replacement:
    """The replacement of one machine.

    `before` are the machines of its pool at the start; empty when the new machine has the same name.
    """

    remote: StoreRemote
    host: str
    place: Place
    roles: tuple[Role, ...]
    before: tuple[str, ...] = ()

    def begin(self) -> None:
        """Make the cloud replace the machine."""
        machines = self.remote.machines
        before = [node.name for node in machines.nodes(self.place.name)] if self.place.node else []
        if machines.replace(self.place):
            # The status of the old machine must not count for its successor.
            machines.store.remove(*(self.place.status(role) for role in self.roles))
        else:
            self.before = tuple(before)

    def wait(self) -> str:
        """Wait until the successor is healthy. Return its name."""
        deadline, shown = time.monotonic() + _LIMIT_SECONDS, ""
        while True:
            successor, missing = self._look()
            if successor and not missing:
                return successor
            failure = self.remote.boot_failure(successor) if successor == self.host else ""
            if failure and failure != shown:
                print(f"{self.host}: {failure}", flush=True)
                shown = failure
            if time.monotonic() > deadline:
                raise UserError(
                    f"{self.host}: the new machine is not healthy after {_LIMIT_SECONDS // 60} minutes; see "
                    f"`kubewright logs --host {successor or self.host}`"
                )
            time.sleep(_INTERVAL_SECONDS)

    def _look(self) -> tuple[str, bool]:
        """Return the name of the successor (empty: none yet), and whether a status of it is missing."""
        if not self.before:
            return self.host, self._lacks_status(self.place)
        nodes = [node.name for node in self.remote.machines.nodes(self.place.name)]
        new = [name for name in nodes if name not in self.before]
        if self.host in nodes or not new:
            return "", True
        return new[0], self._lacks_status(Place(self.place.kind, self.place.name, new[0]))

    def _lacks_status(self, place: Place) -> bool:
        read = self.remote.machines.store.read
        return any(not (read(place.status(role)) or "").strip() for role in self.roles)
