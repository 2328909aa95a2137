"""What the rules of the table look for. Each sign gives what it was seen on, in words; none is an empty list.

A cluster that is only made has nothing to lose: most signs are of clusters that are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automation.report import ingress, resource_types, sizes
from automation.report.hosts import GROUPS, Location, locate, natural, operation
from automation.report.model import Operation, Picture
from automation.report.sizes import within
from automation.stacks.events import Step
from nodeconfig.parse import rotations, versions
from topology.model import Role, Rotation, Topology

_GONE = (Operation.DELETE, Operation.REPLACE)
_AUTHORITY = re.compile(
    r"cluster-pki-(?:(?:kubernetes|etcd|front-proxy)-ca|service-account)(?:-\d+)?(?:-key)?\Z"
)


@dataclass(frozen=True, slots=True)
class Facts:
    """A change as the signs see it. `topology` is of what is wanted, None where it cannot be read."""

    steps: Sequence[Step]
    before: Picture
    after: Picture
    topology: Topology | None = None

    @property
    def exists(self) -> bool:
        """Whether there is a cluster already."""
        return bool(self.before.hosts)

    def at(self, step: Step) -> Location:
        """The place of the step's resource."""
        return locate(step, self.topology)

    def doing(self, *operations: Operation) -> Iterator[Step]:
        """The steps that do one of these to a cluster that is there."""
        if self.exists:
            yield from (step for step in self.steps if operation(step) in operations)


def etcd_data(facts: Facts) -> list[str]:
    """Members' machines, or the deliveries whose deletion resets them."""
    members = _with_role(facts.before, Role.ETCD)
    lost = [facts.at(step).host for step in facts.doing(*_GONE) if _takes_away(facts, step, Role.ETCD)]
    return [host for host in lost if host in members]


def quorum(facts: Facts) -> list[str]:
    """More than the members can spare. Changes go one by one, but nothing gates what is deleted."""
    members = _with_role(facts.before, Role.ETCD)
    lost = set(etcd_data(facts))
    if len(members) - len(lost) >= len(members) // 2 + 1:
        return []
    return [f"{len(lost)} of {len(members)}: {', '.join(sorted(lost))}"] if lost else []


def volumes(facts: Facts) -> list[str]:
    """Disks, buckets, claims."""
    return [step.name for step in facts.doing(*_GONE) if step.type in resource_types.VOLUMES]


def authorities(facts: Facts) -> list[str]:
    """Authorities' certificates and keys, and what signs the tokens of service accounts."""
    return [step.name for step in facts.doing(*_GONE) if _AUTHORITY.match(step.name)]


def new_authorities(facts: Facts) -> list[str]:
    """A new generation, or hosts that are told of another one to sign or trust."""
    made = [
        step.name
        for step in facts.doing(Operation.CREATE)
        if _AUTHORITY.match(step.name) and not step.name.endswith("-key")
    ]
    told: list[str] = []
    for step in facts.doing(Operation.CHANGE):
        old = rotations(_script(step.old))
        for name, new in rotations(_script(step.new)).items():
            if old.get(name, Rotation()) != new:
                trusted = ", ".join(map(str, new.trusted))
                told.append(f"{name}: generation {new.signing} signs, trusted: {trusted}")
    return [*made, *dict.fromkeys(told)]


def encryption(facts: Facts) -> list[str]:
    """The key behind `encryption.yaml`."""
    return [
        step.name
        for step in facts.doing(*_GONE)
        if step.type.endswith(":PrivateKey") and "encryption" in step.name
    ]


def namespaces(facts: Facts) -> list[str]:
    """Namespaces of the configuration."""
    return [step.name for step in facts.doing(*_GONE) if step.type == "kubernetes:core/v1:Namespace"]


def open_to_world(facts: Facts) -> list[str]:
    """Rules of a cloud's firewall, or lines of the hosts' own, that name no source and did not before."""
    found = []
    for step in facts.steps:
        if operation(step) in (Operation.CREATE, Operation.CHANGE, Operation.REPLACE):
            new = dict.fromkeys(ingress.of_cloud(step.type, step.new))
            old = set(ingress.of_cloud(step.type, step.old))
            found += [f"{step.name}: {port}" for port in new if port not in old]
    for step in facts.doing(Operation.CHANGE):
        before = set(ingress.of_host(_script(step.old)))
        opened = [line for line in ingress.of_host(_script(step.new)) if line not in before]
        found += [f"{facts.at(step).host or step.name}: {line}" for line in opened]
    return found


def entrance(facts: Facts) -> list[str]:
    """Load balancers, and the addresses before them."""
    clouds = [step.name for step in facts.doing(*_GONE) if step.type in resource_types.ENTRANCES]
    hosts = [
        facts.at(step).host
        for step in facts.doing(*_GONE)
        if _takes_away(facts, step, Role.LOAD_BALANCER) and facts.at(step).role == Role.LOAD_BALANCER
    ]
    return [*clouds, *hosts]


def control_planes_gone(facts: Facts) -> list[str]:
    """Control planes of before that are none any more."""
    now = _with_role(facts.after, Role.CONTROL_PLANE)
    return [name for name in _with_role(facts.before, Role.CONTROL_PLANE) if name not in now]


def unavailable(facts: Facts) -> list[str]:
    """Nodes whose deletion or replacement nothing gates."""
    limits = {pool.name: pool.max_unavailable for pool in facts.topology.pools} if facts.topology else {}
    lost = _lost_nodes(facts)
    return [
        f"{pool}: {len(names)} at once, max_unavailable {limits.get(pool, 1)}"
        for pool, names in lost.items()
        # A pool that goes as a whole is said by its own rule.
        if len(names) > limits.get(pool, 1) and pool in _pools(facts.after)
    ] + [
        f"{facts.at(step).pool}: {step.name} goes with all its machines at once"
        for step in facts.doing(*_GONE)
        if step.type in GROUPS and facts.at(step).pool in _pools(facts.after)
    ]


def shrinking(facts: Facts) -> list[str]:
    """Fewer hosts, or a smaller size of a cloud's group."""
    before, after = _pools(facts.before), _pools(facts.after)
    found = [
        f"{pool}: {len(names)} → {len(after[pool])} nodes"
        for pool, names in before.items()
        if pool in after and len(after[pool]) < len(names)
    ]
    for step in facts.doing(Operation.CHANGE):
        if step.type in GROUPS:
            for least_or_most, size in (("", sizes.least), ("at most ", sizes.most)):
                old, new = size(step.old), size(step.new)
                if old is not None and new is not None and old > new:
                    found.append(f"{step.name}: {least_or_most}{old} → {new} machines")
    return found


def pools_gone(facts: Facts) -> list[str]:
    """Pools of before that are no more."""
    after = _pools(facts.after)
    return [
        f"{pool}: {len(names)} nodes" for pool, names in _pools(facts.before).items() if pool not in after
    ]


def minor_versions(facts: Facts) -> list[str]:
    """Versions in what is delivered to hosts."""
    jumps: dict[str, list[str]] = {}
    for step in facts.doing(Operation.CHANGE, Operation.REPLACE):
        old = versions(_script(step.old))
        for component, version in versions(_script(step.new)).items():
            before = old.get(component, version)
            if before.split(".")[:2] != version.split(".")[:2]:
                where = facts.at(step).host or step.name
                jumps.setdefault(f"{component} {before} → {version}", []).append(where)
    return [f"{jump}: {_some(sorted(set(hosts), key=natural))}" for jump, hosts in sorted(jumps.items())]


def only_member(facts: Facts) -> list[str]:
    """The delivery of control plane or etcd to a host that is alone."""
    planes = _with_role(facts.before, Role.CONTROL_PLANE)
    if len(planes) != 1:
        return []
    roles = (Role.CONTROL_PLANE.value, Role.ETCD.value)
    changed = (facts.at(step) for step in facts.doing(Operation.CHANGE))
    return [where.host for where in changed if where.role in roles and where.host in planes]


def every_node(facts: Facts) -> list[str]:
    """Pools of which no node stays as it is."""
    return [
        *(f"{pool}: {len(names)} nodes" for pool, names in _changed_whole(facts).items() if len(names) > 1),
        *(
            f"{facts.at(step).pool}: {step.name}"
            for step in facts.doing(Operation.CHANGE)
            if step.type in GROUPS
            and any(step.old.get(key) != step.new.get(key) for key in resource_types.MACHINES_OF_A_GROUP)
        ),
    ]


def _changed_whole(facts: Facts) -> dict[str, list[str]]:
    steps = [step for step in facts.doing(Operation.CHANGE) if facts.at(step).role == Role.NODE.value]
    changed = {facts.at(step).host for step in steps}
    return {pool: names for pool, names in _pools(facts.before).items() if changed >= set(names)}


def much_at_once(facts: Facts) -> list[str]:
    """Pools of which every node changes, half of them or more at a time."""
    limits = {pool.name: pool.max_unavailable for pool in facts.topology.pools} if facts.topology else {}
    return [
        f"{pool}: {limits[pool]} of {len(names)} nodes at a time"
        for pool, names in _changed_whole(facts).items()
        if len(names) > 2 and 2 * limits.get(pool, 0) >= len(names)
    ]


def rolling(facts: Facts) -> list[str]:
    """Members in clouds whose machine is made anew by their own command, each when the others are well."""
    return [
        step.name.removesuffix(resource_types.ROLL)
        for step in facts.doing(Operation.CHANGE)
        if step.name.endswith(resource_types.ROLL) and step.old.get("update") != step.new.get("update")
    ]


def _takes_away(facts: Facts, step: Step, role: Role) -> bool:
    """Whether a deletion or replacement takes the role's machine away, or what was delivered for it."""
    where = facts.at(step)
    if step.type in resource_types.MACHINES:
        return bool(where.host)
    return where.role == role.value


def _with_role(picture: Picture, role: Role) -> list[str]:
    return [host.name for host in picture.hosts if role.value in host.roles]


def _pools(picture: Picture) -> dict[str, list[str]]:
    pools: dict[str, list[str]] = {}
    for host in picture.hosts:
        if host.pool:
            pools.setdefault(host.pool, []).append(host.name)
    return pools


def _lost_nodes(facts: Facts) -> Mapping[str, list[str]]:
    lost: dict[str, list[str]] = {}
    for step in facts.doing(*_GONE):
        where = facts.at(step)
        if where.pool and where.role == Role.NODE.value and where.pool != Role.CONTROL_PLANE.value:
            lost.setdefault(where.pool, []).append(where.host)
    return lost


def _script(inputs: Mapping[str, Any]) -> str:
    """The visible text of a bundle: a command's, an object's in AWS' store, what Azure's gates tell."""
    texts = [within(inputs, "environment", "BECOMES"), *(inputs.get(key) for key in ("create", "content"))]
    return next((text for text in texts if isinstance(text, str)), "")


def _some(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
