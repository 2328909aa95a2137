"""Detectors of risks.

A detector returns the affected hosts or resources as text, and an empty text when the risk does not apply.
Most risks concern an existing cluster, because a new cluster has nothing to lose.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from automation.report import ingress
from automation.report.change_facts import ChangeFacts
from automation.report.hosts import natural_key, operation_of
from automation.report.model import Operation, Picture
from automation.report.resource_types import (
    DATA,
    ENTRANCES,
    MACHINE_GROUPS,
    MACHINE_INPUTS,
    MACHINES,
    ROLL_SUFFIX,
)
from automation.stacks.events import Step, Values
from nodeconfig import parse
from providers import registry
from topology.model import Role

_LOSS = (Operation.DELETE, Operation.REPLACE)
_AUTHORITY = re.compile(
    r"cluster-pki-(?:(?:kubernetes|etcd|front-proxy)-ca|service-account)(?:-\d+)?(?:-key)?\Z"
)


def lost_etcd_data(facts: ChangeFacts) -> list[str]:
    """Detect members that lose their machine, or a delivery whose deletion resets the member."""
    members = _hosts_with(facts.before, Role.ETCD)
    hosts = [facts.location(step).host for step in facts.steps_with(*_LOSS) if _loses(facts, step, Role.ETCD)]
    return [host for host in hosts if host in members]


def lost_quorum(facts: ChangeFacts) -> list[str]:
    """Detect the loss of more members than the etcd quorum tolerates.

    Changes of members are serial, but deletions are not.
    """
    members = _hosts_with(facts.before, Role.ETCD)
    lost = set(lost_etcd_data(facts))
    if len(members) - len(lost) >= len(members) // 2 + 1:
        return []
    return [f"{len(lost)} of {len(members)}: {', '.join(sorted(lost))}"] if lost else []


def lost_data(facts: ChangeFacts) -> list[str]:
    """Detect the loss of disks, buckets and volume claims."""
    return [step.name for step in facts.steps_with(*_LOSS) if step.type in DATA]


def lost_authorities(facts: ChangeFacts) -> list[str]:
    """Detect the loss of certificate authorities, their keys, and the key of service accounts."""
    return [step.name for step in facts.steps_with(*_LOSS) if _AUTHORITY.match(step.name)]


def new_authorities(facts: ChangeFacts) -> list[str]:
    """Detect new generations of an authority, and changes of the generation that signs or is trusted on
    hosts.
    """
    created = [
        step.name
        for step in facts.steps_with(Operation.CREATE)
        if _AUTHORITY.match(step.name) and not step.name.endswith("-key")
    ]
    rotated: list[str] = []
    for step in facts.steps_with(Operation.CHANGE):
        old = parse.rotations(_delivered_text(step.old))
        for name, rotation in parse.rotations(_delivered_text(step.new)).items():
            previous = (old[name].signing, old[name].trusted) if name in old else (1, (1,))
            if previous != (rotation.signing, rotation.trusted):
                trusted = ", ".join(map(str, rotation.trusted))
                rotated.append(f"{name}: generation {rotation.signing} signs, trusted: {trusted}")
    return [*created, *dict.fromkeys(rotated)]


def lost_encryption_keys(facts: ChangeFacts) -> list[str]:
    """Detect the loss of the key in `encryption.yaml`."""
    return [
        step.name
        for step in facts.steps_with(*_LOSS)
        if step.type.endswith(":PrivateKey") and "encryption" in step.name
    ]


def deleted_namespaces(facts: ChangeFacts) -> list[str]:
    """Detect deleted namespaces of the configuration."""
    return [step.name for step in facts.steps_with(*_LOSS) if step.type == "kubernetes:core/v1:Namespace"]


def public_ports(facts: ChangeFacts) -> list[str]:
    """Detect newly opened public ports in firewalls of clouds and hosts."""
    ports = []
    for step in facts.steps:
        if operation_of(step) in (Operation.CREATE, Operation.CHANGE, Operation.REPLACE):
            new = dict.fromkeys(ingress.public_cloud_ports(step.type, step.new))
            old = set(ingress.public_cloud_ports(step.type, step.old))
            ports += [f"{step.name}: {port}" for port in new if port not in old]
    for step in facts.steps_with(Operation.CHANGE):
        before = set(ingress.public_host_ports(_delivered_text(step.old)))
        opened = [port for port in ingress.public_host_ports(_delivered_text(step.new)) if port not in before]
        ports += [f"{facts.location(step).host or step.name}: {port}" for port in opened]
    return ports


def lost_endpoints(facts: ChangeFacts) -> list[str]:
    """Detect the loss of load balancers and of their addresses."""
    clouds = [step.name for step in facts.steps_with(*_LOSS) if step.type in ENTRANCES]
    hosts = [
        facts.location(step).host
        for step in facts.steps_with(*_LOSS)
        if facts.location(step).role == Role.LOAD_BALANCER
    ]
    return [*clouds, *hosts]


def removed_control_planes(facts: ChangeFacts) -> list[str]:
    """Detect hosts that are control planes before the change and not after it."""
    remaining = _hosts_with(facts.after, Role.CONTROL_PLANE)
    return [name for name in _hosts_with(facts.before, Role.CONTROL_PLANE) if name not in remaining]


def unavailable_nodes(facts: ChangeFacts) -> list[str]:
    """Detect pools that lose more nodes at a time than `max_unavailable` permits.

    Deletions and replacements of nodes are not serial.
    """
    limits, remaining = facts.max_unavailable, _nodes_by_pool(facts.after)
    return [
        f"{pool}: {len(names)} at once, max_unavailable {limits.get(pool, 1)}"
        for pool, names in _lost_nodes(facts).items()
        # The detector `removed_pools` reports a pool that is removed completely.
        if len(names) > limits.get(pool, 1) and pool in remaining
    ] + [
        f"{facts.location(step).pool}: {step.name} is lost with all its machines at once"
        for step in facts.steps_with(*_LOSS)
        if step.type in MACHINE_GROUPS and facts.location(step).pool in remaining
    ]


def smaller_pools(facts: ChangeFacts) -> list[str]:
    """Detect pools with fewer hosts, and machine groups with a smaller minimum or maximum size."""
    before, after = _nodes_by_pool(facts.before), _nodes_by_pool(facts.after)
    smaller = [
        f"{pool}: {len(names)} → {len(after[pool])} nodes"
        for pool, names in before.items()
        if pool in after and len(after[pool]) < len(names)
    ]
    for step in facts.steps_with(Operation.CHANGE):
        cloud = registry.by_type(step.type)
        if cloud is not None and step.type in MACHINE_GROUPS:
            for limit, size in (("min", cloud.readers.min_size), ("max", cloud.readers.max_size)):
                old, new = size(step.old), size(step.new)
                if old is not None and new is not None and old > new:
                    smaller.append(f"{step.name}: {limit} {old} → {new} machines")
    return smaller


def removed_pools(facts: ChangeFacts) -> list[str]:
    """Detect pools that exist before the change and not after it."""
    remaining = _nodes_by_pool(facts.after)
    pools = _nodes_by_pool(facts.before)
    return [f"{pool}: {len(names)} nodes" for pool, names in pools.items() if pool not in remaining]


def changed_minor_versions(facts: ChangeFacts) -> list[str]:
    """Detect components whose delivered version changes in its major or minor number."""
    jumps: dict[str, list[str]] = {}
    for step in facts.steps_with(Operation.CHANGE, Operation.REPLACE):
        old = parse.versions(_delivered_text(step.old))
        for component, version in parse.versions(_delivered_text(step.new)).items():
            before = old.get(component, version)
            if before.split(".")[:2] != version.split(".")[:2]:
                host = facts.location(step).host or step.name
                jumps.setdefault(f"{component} {before} → {version}", []).append(host)
    return [
        f"{jump}: {_shorten(sorted(set(hosts), key=natural_key))}" for jump, hosts in sorted(jumps.items())
    ]


def changed_only_control_plane(facts: ChangeFacts) -> list[str]:
    """Detect changed deliveries of the control plane or etcd to a single control plane."""
    planes = _hosts_with(facts.before, Role.CONTROL_PLANE)
    if len(planes) != 1:
        return []
    roles = (Role.CONTROL_PLANE.value, Role.ETCD.value)
    locations = (facts.location(step) for step in facts.steps_with(Operation.CHANGE))
    return [each.host for each in locations if each.role in roles and each.host in planes]


def changed_every_node(facts: ChangeFacts) -> list[str]:
    """Detect pools in which every node changes."""
    return [
        *(f"{pool}: {len(names)} nodes" for pool, names in _changed_pools(facts).items() if len(names) > 1),
        *(
            f"{facts.location(step).pool}: {step.name}"
            for step in facts.steps_with(Operation.CHANGE)
            if step.type in MACHINE_GROUPS
            and any(step.old.get(key) != step.new.get(key) for key in MACHINE_INPUTS)
        ),
    ]


def changed_many_nodes_at_once(facts: ChangeFacts) -> list[str]:
    """Detect pools in which every node changes, and at least half of the nodes change at a time."""
    limits = facts.max_unavailable
    return [
        f"{pool}: {limits[pool]} of {len(names)} nodes at a time"
        for pool, names in _changed_pools(facts).items()
        if len(names) > 2 and 2 * limits.get(pool, 0) >= len(names)
    ]


def replaced_members(facts: ChangeFacts) -> list[str]:
    """Detect members in clouds whose machine is replaced, one after another while the others are healthy."""
    return [
        step.name.removesuffix(ROLL_SUFFIX)
        for step in facts.steps_with(Operation.CHANGE)
        if step.name.endswith(ROLL_SUFFIX) and step.old.get("update") != step.new.get("update")
    ]


def _loses(facts: ChangeFacts, step: Step, role: Role) -> bool:
    """Check whether a deletion or replacement of resources removes a machine or the delivery of this role."""
    location = facts.location(step)
    if step.type in (*MACHINES, *MACHINE_GROUPS):
        return bool(location.host)
    return location.role == role.value


def _hosts_with(picture: Picture, role: Role) -> list[str]:
    return [host.name for host in picture.hosts if role.value in host.roles]


def _nodes_by_pool(picture: Picture) -> dict[str, list[str]]:
    pools: dict[str, list[str]] = {}
    for host in picture.hosts:
        if host.pool:
            pools.setdefault(host.pool, []).append(host.name)
    return pools


def _changed_pools(facts: ChangeFacts) -> dict[str, list[str]]:
    """Return the nodes of each pool in which every node changes."""
    locations = [facts.location(step) for step in facts.steps_with(Operation.CHANGE)]
    changed = {location.host for location in locations if location.role == Role.NODE.value}
    return {pool: names for pool, names in _nodes_by_pool(facts.before).items() if changed >= set(names)}


def _lost_nodes(facts: ChangeFacts) -> Mapping[str, list[str]]:
    """Return the deleted and replaced nodes of each pool."""
    lost: dict[str, list[str]] = {}
    for step in facts.steps_with(*_LOSS):
        location = facts.location(step)
        if location.pool and location.role == Role.NODE.value and location.pool != Role.CONTROL_PLANE.value:
            lost.setdefault(location.pool, []).append(location.host)
    return lost


def _delivered_text(inputs: Values) -> str:
    """Return the delivered text in the inputs: of an SSH command, an object in a store, or a wait command."""
    environment = inputs.get("environment")
    texts = [environment.get("BECOMES")] if isinstance(environment, Mapping) else []
    texts += [inputs.get("create"), inputs.get("content")]
    return next((text for text in texts if isinstance(text, str)), "")


def _shorten(names: Sequence[str], maximum: int = 6) -> str:
    more = f" and {len(names) - maximum} more" if len(names) > maximum else ""
    return ", ".join(names[:maximum]) + more
