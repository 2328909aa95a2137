"""Component of a cloud member with the addresses of the other members, whose health it checks.

A member that requests its replacement from its cloud first checks that the others are healthy (`health.sh`).
"""

from __future__ import annotations

from nodeconfig.bundle import File
from nodeconfig.component import Component
from topology.model import Machine, Role, Topology

PEERS_FILE = "/etc/kubewright/peers"
"""File with a line `<role> <address>` for each role of another member that this member has too."""
_CHECKED_ROLES = (Role.ETCD, Role.CONTROL_PLANE)


def component(topology: Topology, machine: Machine) -> Component:
    """Return the component of a member. It is empty on bare metal and for a member without others."""
    lines = [
        f"{role} {other.address}\n"
        for role in _CHECKED_ROLES
        for other in topology.machines
        if other.name != machine.name and role in machine.roles and role in other.roles
    ]
    if not topology.external_cloud or not lines:
        return Component()
    return Component(files=(File(PEERS_FILE, "".join(lines)),))
