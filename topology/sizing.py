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


def size_warnings(topology: Topology) -> list[str]:
    """Return a warning for each machine of known size that is smaller than the preset of its environment."""
    lines = []
    for machine in topology.machines:
        role = _preset_role(machine, schedulable=_control_planes_schedulable(topology))
        minimum = PRESETS[topology.environment].get(role)
        if machine.size is None or minimum is None:
            continue
        shortfalls = _shortfalls(machine.size, minimum)
        if shortfalls:
            preset = f"the size of a {role} for {topology.environment}"
            lines.append(f"host {machine.name}: below {preset}: {', '.join(shortfalls)}")
    return lines


def _preset_role(machine: Machine, *, schedulable: bool) -> Role:
    """Return the role that selects the preset: schedulable control planes are checked like workers."""
    if Role.CONTROL_PLANE in machine.roles:
        return Role.NODE if schedulable else Role.CONTROL_PLANE
    return machine.roles[-1]


def _control_planes_schedulable(topology: Topology) -> bool:
    """Check whether control planes run workloads: their nodes have no `node-role.kubernetes.io/…` taint."""
    control_planes = topology.pools[0]
    return not any(taint.key.startswith("node-role.kubernetes.io/") for taint in control_planes.taints)


def _shortfalls(size: Size, minimum: Size) -> list[str]:
    """Return a phrase for each resource of the machine that is too small, such as `2 CPUs of 4`.

    A resource of 0 is unknown and not checked.
    """
    shortfalls = []
    if 0 < size.cpus < minimum.cpus:
        shortfalls.append(f"{size.cpus} CPUs of {minimum.cpus}")
    if 0 < size.memory < minimum.memory:
        shortfalls.append(f"{size.memory / GIB:.3g} GiB memory of {minimum.memory / GIB:.3g} GiB")
    if 0 < size.disk < minimum.disk:
        shortfalls.append(f"{size.disk / GB:.3g} GB disk of {minimum.disk / GB:.3g} GB")
    return shortfalls
