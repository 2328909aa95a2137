"""Scale sets of tests that run the program on mocks, whose machines are not those of resources."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.cloud.azure.instances import describe_instance
from lab.cloud.running import MachineStates
from lab.paths import LabPaths

_PATH = re.compile(
    r"(?P<set>/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Compute/virtualMachineScaleSets"
    r"/[^/]+)(?P<machines>/virtualMachines(?:/(?P<number>\d+))?)?",
    re.IGNORECASE,
)


def record_scale_set(lab: str, id: str) -> None:
    """Record that a scale set exists, also while it has no machines."""
    _file(lab).parent.mkdir(parents=True, exist_ok=True)
    _file(lab).write_text(json.dumps(sorted({*_recorded(lab), id.lower()})))


def find_recorded(lab: str, path: str) -> Mapping[str, Any] | None:
    """Return a recorded scale set, the list of its machines or one of them at a path; None for other paths.

    The capacity of a scale set is its number of machines.
    """
    match = _PATH.fullmatch(path)
    if match is None or match["set"].lower() not in _recorded(lab):
        return None
    prefix = f"{match['set']}/virtualMachines/".lower()
    machines = [machine for machine in MachineStates.of(lab).all() if machine.id.lower().startswith(prefix)]
    if match["number"] is not None:
        found = [machine for machine in machines if machine.id.lower() == path.lower()]
        return describe_instance(found[0]) if found else None
    if match["machines"]:
        return {"value": [describe_instance(machine) for machine in machines]}
    return {"id": path, "name": path.rpartition("/")[2], "sku": {"capacity": len(machines)}}


def _recorded(lab: str) -> list[str]:
    return list(json.loads(_file(lab).read_text())) if _file(lab).exists() else []


def _file(lab: str) -> Path:
    return LabPaths.of(lab).cloud / "scale-sets.json"
