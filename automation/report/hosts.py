"""Which host a resource belongs to, and the cluster's machines before and after a change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from automation.report.model import Host, Operation, Picture
from automation.report.resource_types import ROLL
from automation.stacks.events import Step
from topology.model import Role, Topology

_POOL = "cluster-pool-"
_CLOUDS = ("aws:", "azure-native:", "command:local:")
_COMMANDS = ("command:remote:Command", "command:local:Command")
"""What delivers a role to a host: on bare metal by SSH; in a cloud it waits until the host has it."""
_MEMBERS = "members"
_COMPONENT = re.compile(r"kubewright:(\w+):(\w+)\Z")
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
class Location:
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


def locate(step: Step, topology: Topology | None) -> Location:
    """The place of the step's resource, by the names that the program gives."""
    component, host = _above(step.parent)
    if step.type in _COMMANDS:
        for role in Role:
            name = step.name.removesuffix(f"-{role.value}")
            if name != step.name and not name.startswith("cluster-"):
                return Location(component, name, role.value)
        if step.name.endswith(ROLL):
            return Location(component, step.name.removesuffix(ROLL))
    # In a cloud a member has a component of its own, and what else is its begins with its name.
    if host or not step.type.startswith(_CLOUDS) or topology is None:
        return Location(component, host)
    names = sorted((machine.name for machine in topology.machines), key=len, reverse=True)
    found = (name for name in names if step.name == name or step.name.startswith(f"{name}-"))
    return Location(component, next(found, ""))


def _above(parent: str) -> tuple[str, str]:
    """The component that has a resource, by its URN, and the member of a cloud that it is for.

    Empty for what the program itself has. A cloud's pools are told as the node pools that they are of,
    its members as one.
    """
    chain, _, name = parent.rpartition("::")
    found = _COMPONENT.search(chain.rpartition("::")[2].rpartition("$")[2])
    if found is None:
        return "", ""
    match found.groups():
        case "index", _:
            return name, ""
        case _, "Pool":
            return f"cluster-{name}", ""
        case _, "Member" | "Seat" as kind:
            return _MEMBERS, name.removesuffix("-seat") if kind == "Seat" else name
    return name, ""


def pictures(steps: Iterable[Step], topology: Topology | None) -> tuple[Picture, Picture]:
    """The machines before and after. Each host has in both the state of what happens to it."""
    seen: dict[str, dict[str, Operation]] = {}
    pools: dict[str, str] = {}
    left: dict[str, str] = {}
    for step in steps:
        found, where = operation(step), locate(step, topology)
        name = where.host or _cloud_pool(step, where)
        if found is None or not name:
            continue
        roles = seen.setdefault(name, {})
        role = where.role or (Role.NODE.value if where.pool else "")
        roles[role] = max(found, roles.get(role, Operation.SAME), key=list(Operation).index)
        # A control plane's node is of a pool, too; what it is for is not.
        if where.pool and where.pool != Role.CONTROL_PLANE.value:
            pools[name] = where.pool
            left[name] = Location(_above(step.was)[0]).pool or where.pool
    names = sorted(seen, key=natural)
    was, becomes = ([_host(name, seen[name], of.get(name, "")) for name in names] for of in (left, pools))
    before = [host for host in was if host.state is not Operation.CREATE]
    after = [host for host in becomes if host.state is not Operation.DELETE]
    return (
        Picture(tuple(_only(host, seen[host.name], Operation.CREATE) for host in before)),
        Picture(tuple(_only(host, seen[host.name], Operation.DELETE) for host in after)),
    )


def _cloud_pool(step: Step, where: Location) -> str:
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
