"""What Azure's management API says of scale sets: the part that a deployer waits by.

https://learn.microsoft.com/rest/api/compute/virtual-machine-scale-sets
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lab.cloud.running import Fleet, Running

PREFIX = "/subscriptions/"

_SET = re.compile(
    r"(?P<id>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute/virtualMachineScaleSets"
    r"/(?P<name>[^/]+))(?P<listed>/virtualMachines)?"
)


def answer(fleet: Fleet, path: str) -> Mapping[str, Any] | None:
    """The resource at a path; None: there is none. A set is as large as it has machines, also none."""
    found = _SET.fullmatch(path)
    if found is None:
        return None
    machines = [machine for machine in fleet.all() if machine.group and _set(machine) == found["id"]]
    if found["listed"]:
        return {"value": [_machine(machine) for machine in machines]}
    return {"id": path, "name": found["name"], "sku": {"capacity": len(machines)}}


def _set(machine: Running) -> str:
    return machine.id.partition("/virtualMachines/")[0]


def _machine(machine: Running) -> Mapping[str, Any]:
    return {"id": machine.id, "properties": {"osProfile": {"computerName": machine.hostname}}}
