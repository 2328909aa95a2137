"""What Azure's management API says of scale sets: the part that a deployer waits by.

https://learn.microsoft.com/rest/api/compute/virtual-machine-scale-sets
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.cloud.running import Fleet, Running

PREFIX = "/subscriptions/"


def answer(fleet: Fleet, path: str) -> Mapping[str, Any] | None:
    """The resource at a path; None: there is none. A set is as large as it has machines."""
    machines = [machine for machine in fleet.all() if machine.group]
    of_set = [machine for machine in machines if _set(machine) == path.removesuffix("/virtualMachines")]
    if not of_set:
        return None
    if path.endswith("/virtualMachines"):
        return {"value": [_machine(machine) for machine in of_set]}
    return {"id": path, "name": of_set[0].group, "sku": {"name": of_set[0].type, "capacity": len(of_set)}}


def _set(machine: Running) -> str:
    return machine.id.partition("/virtualMachines/")[0]


def _machine(machine: Running) -> Mapping[str, Any]:
    return {"id": machine.id, "properties": {"osProfile": {"computerName": machine.hostname}}}
