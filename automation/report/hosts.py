"""Which host a resource belongs to, and the cluster's machines before and after a change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from automation.driving.events import Step
from automation.report.model import Host, Operation, Picture
from topology.model import Role, Topology

_POOL = "cluster-pool-"
_CLOUDS = ("aws:", "azure-native:", "command:local:")
_COMMAND = "command:remote:Command"
_OPERATIONS: Mapping[str, Operation] = {
    "same": Operation.SAME,
    "create": Operation.CREATE,
    "import": Operation.CREATE,
    "update": Operation.CHANGE,
    "delete": Operation.DELETE,
    "replace": Operation.REPLACE,
}


_WORDS = re.compile(r"(\D*)(\d*)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource belongs: `host` and `role` are empty for what is of no single host."""

    component: str = ""
    host: str = ""
    role: str = ""

    @property
    def pool(self) -> str:
        """The pool, empty for members."""
        return self.component.removeprefix(_POOL) if self.component.startswith(_POOL) else ""


def operation(step: Step) -> Operation | None:
    """What the step means for its resource; None for the halves of a replacement, and for looking."""
    return _OPERATIONS.get(step.operation)


def place(step: Step, topology: Topology | None) -> Place:
    """The place of the step's resource, by the names that the program gives."""
    component = parent_name(step)
    if step.type == _COMMAND:
        for role in Role:
            host = step.name.removesuffix(f"-{role.value}")
            if host != step.name and not host.startswith("cluster-"):
                return Place(component, host, role.value)
        return Place(component)
    # In a cloud a member's resources begin with its name.
    if step.type.startswith(_CLOUDS) and topology is not None:
        names = sorted((machine.name for machine in topology.machines), key=len, reverse=True)
        for name in names:
            if step.name == name or step.name.startswith(f"{name}-"):
                return Place(component, name)
    return Place(component)


def parent_name(step: Step) -> str:
    """The name of the component that has it; empty for what the program itself has."""
    kind, _, name = step.parent.rpartition("::")
    return name if "kubewright:index:" in kind.rpartition("$")[2] or "::kubewright:index:" in kind else ""


def pictures(steps: Iterable[Step], topology: Topology | None) -> tuple[Picture, Picture]:
    """The machines before and after. Each host has in both the state of what happens to it."""
    seen: dict[str, dict[str, Operation]] = {}
    pools: dict[str, str] = {}
    for step in steps:
        found, where = operation(step), place(step, topology)
        name = where.host or _cloud_pool(step, where)
        if found is None or not name:
            continue
        roles = seen.setdefault(name, {})
        role = where.role or (Role.NODE.value if where.pool else "")
        roles[role] = max(found, roles.get(role, Operation.SAME), key=list(Operation).index)
        # A control plane's node is of a pool, too; what it is for is not.
        if where.pool and where.pool != Role.CONTROL_PLANE.value:
            pools[name] = where.pool
    names = sorted(seen, key=natural)
    hosts = [_host(name, seen[name], pools.get(name, "")) for name in names]
    before = [host for host in hosts if host.state is not Operation.CREATE]
    after = [host for host in hosts if host.state is not Operation.DELETE]
    return (
        Picture(tuple(_only(host, seen[host.name], Operation.CREATE) for host in before)),
        Picture(tuple(_only(host, seen[host.name], Operation.DELETE) for host in after)),
    )


def _cloud_pool(step: Step, where: Place) -> str:
    """In a cloud the picture has a pool for all of its machines: by the group that makes them."""
    return where.pool if step.type in GROUPS and where.pool else ""


GROUPS = ("aws:autoscaling/group:Group", "azure-native:compute:VirtualMachineScaleSet")


def _host(name: str, roles: Mapping[str, Operation], pool: str) -> Host:
    return Host(name, _ordered(roles), pool, _whole(list(roles.values())))


def _only(host: Host, roles: Mapping[str, Operation], without: Operation) -> Host:
    """The host with the roles that it has at that time."""
    kept = [role for role, done in roles.items() if done is not without] or list(roles)
    return Host(host.name, _ordered(kept), host.pool, host.state)


def _ordered(roles: Iterable[str]) -> tuple[str, ...]:
    order = [role.value for role in Role]
    return tuple(sorted((role for role in roles if role), key=order.index))


def _whole(operations: Sequence[Operation]) -> Operation:
    """What happens to a host as a whole: one that gets or loses a role is changed."""
    if len(set(operations)) == 1:
        return operations[0]
    return Operation.REPLACE if Operation.REPLACE in operations else Operation.CHANGE


def natural(name: str) -> list[tuple[str, int]]:
    """For sorting: w-2 before w-10."""
    return [(word, int(number or 0)) for word, number in _WORDS.findall(name)]
