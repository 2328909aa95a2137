"""Finds the host that a resource belongs to, and the machines of the cluster before and after a change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from automation.report.model import Host, Operation, Picture
from automation.report.resource_types import CLOUD_PREFIXES, DELIVERY_TYPES, MACHINE_GROUPS, ROLL_SUFFIX
from automation.stacks.events import Step
from topology.model import Role, Topology

_POOL_PREFIX = "cluster-pool-"
_HOST_RESOURCES = (*CLOUD_PREFIXES, "command:local:")
"""Type prefixes of resources whose names begin with the name of their host."""
_MEMBERS = "members"
_COMPONENT = re.compile(r"kubewright:(\w+):(\w+)\Z")
# Components of stable identities. In the state of existing clusters they are named `<member>-seat`.
_IDENTITY_TYPES = ("Seat", "StableIdentity")
_IDENTITY_SUFFIX = "-seat"
_OPERATIONS: Mapping[str, Operation] = {
    "same": Operation.SAME,
    "create": Operation.CREATE,
    "import": Operation.CREATE,
    "update": Operation.CHANGE,
    "delete": Operation.DELETE,
    "replace": Operation.REPLACE,
}
_WORD_AND_NUMBER = re.compile(r"(\D*)(\d*)")


@dataclass(frozen=True, slots=True)
class Location:
    """The component, host and role of a resource.

    `host` and `role` are empty for a resource that belongs to no single host.
    """

    component: str = ""
    host: str = ""
    role: str = ""

    @property
    def pool(self) -> str:
        """Return the name of the pool that the resource belongs to; empty for a resource outside of pools."""
        return self.component.removeprefix(_POOL_PREFIX) if self.component.startswith(_POOL_PREFIX) else ""


def operation_of(step: Step) -> Operation | None:
    """Return the operation on the resource of a step; None for a step that a report does not count.

    Reads are not counted. A replacement is counted by its step `replace`, and not by the steps
    `create-replacement` and `delete-replaced`.
    """
    return _OPERATIONS.get(step.operation)


def locate(step: Step, topology: Topology | None) -> Location:
    """Return the location of the resource of a step, derived from the names that the program assigns."""
    component, host = _parent_component(step.parent)
    if step.type in DELIVERY_TYPES:
        for role in Role:
            name = step.name.removesuffix(f"-{role.value}")
            if name != step.name and not name.startswith("cluster-"):
                return Location(component, name, role.value)
        if step.name.endswith(ROLL_SUFFIX):
            return Location(component, step.name.removesuffix(ROLL_SUFFIX))
    # In a cloud, every member has a separate component, and its resources have names that begin with its
    # name.
    if host or not step.type.startswith(_HOST_RESOURCES) or topology is None:
        return Location(component, host)
    names = sorted((machine.name for machine in topology.machines), key=len, reverse=True)
    matching = (name for name in names if step.name == name or step.name.startswith(f"{name}-"))
    return Location(component, next(matching, ""))


def _parent_component(parent: str) -> tuple[str, str]:
    """Return the component of a resource and its cloud member, derived from the URN of the parent.

    Both are empty for resources without a component. A pool of a cloud is reported as its node pool. All
    members of a cloud are reported as one component.
    """
    chain, _, name = parent.rpartition("::")
    match = _COMPONENT.search(chain.rpartition("::")[2].rpartition("$")[2])
    if match is None:
        return "", ""
    package, kind = match.groups()
    if package == "index":
        return name, ""
    if kind == "Pool":
        return f"cluster-{name}", ""
    if kind == "Member":
        return _MEMBERS, name
    if kind in _IDENTITY_TYPES:
        return _MEMBERS, name.removesuffix(_IDENTITY_SUFFIX)
    return name, ""


def host_pictures(steps: Iterable[Step], topology: Topology | None) -> tuple[Picture, Picture]:
    """Return two pictures of the cluster's machines: before the change and after it.

    A host that is in both pictures has the same `state`, the operation on the host, in both.
    """
    roles: dict[str, dict[str, Operation]] = {}
    pools: dict[str, str] = {}
    former_pools: dict[str, str] = {}
    for step in steps:
        operation, location = operation_of(step), locate(step, topology)
        name = location.host or _pool_of_machine_group(step, location)
        if operation is None or not name:
            continue
        host_roles = roles.setdefault(name, {})
        role = location.role or (Role.NODE.value if location.pool else "")
        most_severe = max(operation, host_roles.get(role, Operation.SAME), key=list(Operation).index)
        host_roles[role] = most_severe
        # The node of a control plane belongs to a pool too, but the picture shows the host as a control
        # plane.
        if location.pool and location.pool != Role.CONTROL_PLANE.value:
            pools[name] = location.pool
            former_pools[name] = Location(_parent_component(step.was)[0]).pool or location.pool
    names = sorted(roles, key=natural_key)
    before = [_build_host(name, roles[name], former_pools.get(name, ""), Operation.CREATE) for name in names]
    after = [_build_host(name, roles[name], pools.get(name, ""), Operation.DELETE) for name in names]
    return (
        Picture(tuple(host for host in before if host.state is not Operation.CREATE)),
        Picture(tuple(host for host in after if host.state is not Operation.DELETE)),
    )


def _pool_of_machine_group(step: Step, location: Location) -> str:
    """Return the name of the pool that a machine group belongs to; empty for other resources.

    In a cloud the picture shows a pool in place of its machines, whose names are unknown.
    """
    return location.pool if step.type in MACHINE_GROUPS and location.pool else ""


def _build_host(name: str, roles: Mapping[str, Operation], pool: str, absent_operation: Operation) -> Host:
    """Return the host with the roles that it has before the change, or after the change.

    Roles with the operation `absent_operation` are omitted: CREATE for the time before the change, DELETE for
    the time after the change. `roles` maps each role to its operation.
    """
    present = [role for role, operation in roles.items() if operation is not absent_operation] or list(roles)
    return Host(name, _delivery_order(present), pool, _host_state(list(roles.values())))


def _delivery_order(roles: Iterable[str]) -> tuple[str, ...]:
    order = [role.value for role in Role]
    return tuple(sorted((role for role in roles if role), key=order.index))


def _host_state(operations: Sequence[Operation]) -> Operation:
    """Return the operation on a host as a whole, from the operations on its roles.

    If the operations differ, as for a host that gains one role, the result is REPLACE or CHANGE.
    """
    if len(set(operations)) == 1:
        return operations[0]
    return Operation.REPLACE if Operation.REPLACE in operations else Operation.CHANGE


def natural_key(name: str) -> list[tuple[str, int]]:
    """Return a sort key that orders w-2 before w-10."""
    return [(word, int(number or 0)) for word, number in _WORD_AND_NUMBER.findall(name)]
