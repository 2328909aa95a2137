"""Emulation of the management API of Azure, as far as a deployer polls it: scale sets and their machines.

https://learn.microsoft.com/rest/api/compute/virtual-machine-scale-sets
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lab.cloud.running import MachineStates, RunningMachine

PREFIX = "/subscriptions/"

_SET = re.compile(
    r"(?P<id>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute/virtualMachineScaleSets"
    r"/(?P<name>[^/]+))(?P<machines>/virtualMachines)?"
)


def find_resource(states: MachineStates, path: str) -> Mapping[str, Any] | None:
    """Return a scale set, or the list of its machines, at a path; None for other paths.

    The capacity of a scale set is its number of machines.
    """
    match = _SET.fullmatch(path)
    if match is None:
        return None
    machines = [
        machine for machine in states.all() if machine.group and _scale_set_id(machine) == match["id"]
    ]
    if match["machines"]:
        return {"value": [_describe_machine(machine) for machine in machines]}
    return {"id": path, "name": match["name"], "sku": {"capacity": len(machines)}}


def _scale_set_id(machine: RunningMachine) -> str:
    return machine.id.partition("/virtualMachines/")[0]


def _describe_machine(machine: RunningMachine) -> Mapping[str, Any]:
    return {"id": machine.id, "properties": {"osProfile": {"computerName": machine.hostname}}}
