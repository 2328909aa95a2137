"""Minimum sizes of machines for each environment, and warnings about smaller machines [A2]."""

from __future__ import annotations

from topology.model import Machine, Role, Size, Topology

GIB = 1024**3
GB = 1000**3

PRESETS: dict[str, dict[Role, Size]] = {
    "poc": dict.fromkeys(Role, Size(cpus=4, memory=4 * GIB)),
    "lab": dict.fromkeys(Role, Size(cpus=2, memory=2 * GIB)),
    "test": {
        Role.CONTROL_PLANE: Size(cpus=2, memory=4 * GIB, disk=40 * GB),
        Role.NODE: Size(cpus=4, memory=8 * GIB, disk=40 * GB),
    },
    "production": {
        Role.CONTROL_PLANE: Size(cpus=8, memory=8 * GIB, disk=100 * GB),
        Role.NODE: Size(cpus=8, memory=64 * GIB, disk=500 * GB),
    },
}
"""Minimum sizes by environment and role. Other roles have no minimum."""


def warnings(topology: Topology) -> list[str]:
    """Return a line for each machine of known size that is smaller than the preset of its environment."""
    lines = []
    for machine in topology.machines:
        role = _preset_role(machine, schedulable=_schedulable(topology))
        minimum = PRESETS[topology.environment].get(role)
        if machine.size is None or minimum is None:
            continue
        below = _shortfalls(machine.size, minimum)
        if below:
            preset = f"the size of a {role} for {topology.environment}"
            lines.append(f"host {machine.name}: below {preset}: {', '.join(below)}")
    return lines


def _preset_role(machine: Machine, *, schedulable: bool) -> Role:
    """Return the role that selects the preset: schedulable control planes are checked like workers."""
    if Role.CONTROL_PLANE in machine.roles:
        return Role.NODE if schedulable else Role.CONTROL_PLANE
    return machine.roles[-1]


def _schedulable(topology: Topology) -> bool:
    control_planes = topology.pools[0]
    return not any(taint.key.startswith("node-role.kubernetes.io/") for taint in control_planes.taints)


def _shortfalls(has: Size, minimum: Size) -> list[str]:
    """Return the resources that are too small. A resource of 0 is unknown and not checked."""
    below = []
    if 0 < has.cpus < minimum.cpus:
        below.append(f"{has.cpus} CPUs of {minimum.cpus}")
    if 0 < has.memory < minimum.memory:
        below.append(f"{has.memory / GIB:.3g} GiB memory of {minimum.memory / GIB:.3g} GiB")
    if 0 < has.disk < minimum.disk:
        below.append(f"{has.disk / GB:.3g} GB disk of {minimum.disk / GB:.3g} GB")
    return below
