"""Detectors of risks.

A detector receives the facts of a change. It returns a text for each affected host, pool or resource, and an
empty list when the risk does not apply. Detectors for pools are in `pool_detectors.py`.

Most risks concern an existing cluster, because a new cluster has nothing to lose.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from automation.report import ingress
from automation.report.change_facts import ChangeFacts
from automation.report.hosts import natural_key, operation_of
from automation.report.model import Operation, Picture
from automation.report.resource_types import (
    DATA_TYPES,
    ENDPOINT_TYPES,
    MACHINE_GROUPS,
    MACHINES,
    ROLL_SUFFIX,
)
from automation.stacks.events import Step, Values
from formats.lists import shorten_list
from nodeconfig import parse
from nodeconfig.extra_flags import find_extra_flags
from topology.encryption import is_encryption
from topology.encryption_stages import describe_generations
from topology.model import Role
from topology.rotations import Rotation, unrecorded_rotation

_AUTHORITY = re.compile(
    r"cluster-pki-(?:(?:kubernetes|etcd|front-proxy|kubelet-serving)-ca|service-account)(?:-\d+)?(?:-key)?\Z"
)
_API_UNIT = "/etc/systemd/system/kube-apiserver.service"
_TOKEN_ISSUER = re.compile(r"^  --service-account-issuer=(\S+)", re.MULTILINE)


def lost_etcd_data(facts: ChangeFacts) -> list[str]:
    """Detect etcd members whose machine or whose etcd delivery is deleted or replaced.

    The member then loses its data, because the deletion of the delivery resets the member.
    """
    members = _hosts_with(facts.before, Role.ETCD)
    hosts = [
        facts.location(step).host
        for step in facts.destructive_steps()
        if _removes_role(facts, step, Role.ETCD)
    ]
    return [host for host in hosts if host in members]


def lost_quorum(facts: ChangeFacts) -> list[str]:
    """Detect the loss of more members than the etcd quorum tolerates.

    The engine changes members one after another, but it deletes several members at the same time.
    """
    members = _hosts_with(facts.before, Role.ETCD)
    lost = set(lost_etcd_data(facts))
    if len(members) - len(lost) >= len(members) // 2 + 1:
        return []
    return [f"{len(lost)} of {len(members)}: {', '.join(sorted(lost))}"] if lost else []


def lost_data(facts: ChangeFacts) -> list[str]:
    """Detect the loss of disks, buckets and volume claims."""
    return [step.name for step in facts.destructive_steps() if step.type in DATA_TYPES]


def lost_authorities(facts: ChangeFacts) -> list[str]:
    """Detect the loss of certificate authorities, their keys, and the key of service accounts."""
    return [step.name for step in facts.destructive_steps() if _AUTHORITY.match(step.name)]


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
        old = parse.parse_rotations(_delivered_text(step.old))
        for name, rotation in parse.parse_rotations(_delivered_text(step.new)).items():
            if not is_encryption(name) and old.get(name, unrecorded_rotation(name)) != rotation:
                trusted = ", ".join(map(str, rotation.trusted))
                rotated.append(f"{name}: generation {rotation.signing} signs, trusted: {trusted}")
    return [*created, *dict.fromkeys(rotated)]


def changed_encryption(facts: ChangeFacts) -> list[str]:
    """Detect changes of the keys, plugins and resources of the encryption of objects in etcd."""
    changes: list[str] = []
    for step in facts.steps_with(Operation.CHANGE):
        old = parse.parse_rotations(_delivered_text(step.old))
        new = parse.parse_rotations(_delivered_text(step.new))
        for name in filter(is_encryption, dict.fromkeys((*old, *new))):
            rotation = new.get(name, Rotation())
            if old.get(name, Rotation()) != rotation:
                changes.append(describe_generations(name, rotation))
    return list(dict.fromkeys(changes))


def lost_encryption_keys(facts: ChangeFacts) -> list[str]:
    """Detect the loss of a key in `encryption.yaml`, with which the API server encrypts objects in etcd."""
    return [
        step.name
        for step in facts.destructive_steps()
        if step.type.endswith(":PrivateKey") and "encryption" in step.name
    ]


def deleted_namespaces(facts: ChangeFacts) -> list[str]:
    """Detect the deletion of namespaces that Kubewright created."""
    return [step.name for step in facts.destructive_steps() if step.type == "kubernetes:core/v1:Namespace"]


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
    clouds = [step.name for step in facts.destructive_steps() if step.type in ENDPOINT_TYPES]
    hosts = [
        facts.location(step).host
        for step in facts.destructive_steps()
        if facts.location(step).role == Role.LOAD_BALANCER
    ]
    return [*clouds, *hosts]


def removed_control_planes(facts: ChangeFacts) -> list[str]:
    """Detect hosts that are control planes before the change and not after it."""
    remaining = _hosts_with(facts.after, Role.CONTROL_PLANE)
    return [name for name in _hosts_with(facts.before, Role.CONTROL_PLANE) if name not in remaining]


def changed_minor_versions(facts: ChangeFacts) -> list[str]:
    """Detect components whose delivered version changes in its major or minor number."""
    version_changes: dict[str, list[str]] = {}
    for step in facts.steps_with(Operation.CHANGE, Operation.REPLACE):
        old = parse.parse_versions(_delivered_text(step.old))
        for component, version in parse.parse_versions(_delivered_text(step.new)).items():
            before = old.get(component, version)
            if before.split(".")[:2] != version.split(".")[:2]:
                host = facts.location(step).host or step.name
                version_changes.setdefault(f"{component} {before} → {version}", []).append(host)
    return [
        f"{version_change}: {shorten_list(sorted(set(hosts), key=natural_key), 6)}"
        for version_change, hosts in sorted(version_changes.items())
    ]


def added_extra_flags(facts: ChangeFacts) -> list[str]:
    """Detect flags of a setting `extra_args` in deliveries that did not have the same flags before."""
    hosts: dict[str, list[str]] = {}
    for step in facts.steps:
        if operation_of(step) in (Operation.CREATE, Operation.CHANGE, Operation.REPLACE):
            before = set(find_extra_flags(_delivered_text(step.old)))
            for setting, flags in find_extra_flags(_delivered_text(step.new)):
                if (setting, flags) not in before:
                    host = facts.location(step).host or step.name
                    hosts.setdefault(f"{setting} ({flags})", []).append(host)
    return [
        f"{flags}: {shorten_list(sorted(set(names), key=natural_key), 6)}" for flags, names in hosts.items()
    ]


def lost_token_issuers(facts: ChangeFacts) -> list[str]:
    """Detect changes of the issuers of service account tokens that make valid tokens invalid.

    API servers change one after another. Until the last one has changed, it refuses tokens of a new issuer.
    """
    problems: list[str] = []
    for step in facts.steps_with(Operation.CHANGE):
        old, new = (
            _TOKEN_ISSUER.findall(parse.file_content(_delivered_text(inputs), _API_UNIT))
            for inputs in (step.old, step.new)
        )
        if not (old and new):
            continue
        problems += [f"{issuer} is no longer accepted" for issuer in old if issuer not in new]
        if new[0] not in old and len(_hosts_with(facts.before, Role.CONTROL_PLANE)) > 1:
            problems.append(f"{new[0]} issues tokens before all API servers accept it")
    return list(dict.fromkeys(problems))


def changed_only_control_plane(facts: ChangeFacts) -> list[str]:
    """Detect changed deliveries of control plane or etcd to the only control plane of a cluster."""
    planes = _hosts_with(facts.before, Role.CONTROL_PLANE)
    if len(planes) != 1:
        return []
    roles = (Role.CONTROL_PLANE.value, Role.ETCD.value)
    locations = (facts.location(step) for step in facts.steps_with(Operation.CHANGE))
    return [each.host for each in locations if each.role in roles and each.host in planes]


def replaced_members(facts: ChangeFacts) -> list[str]:
    """Detect members in clouds whose machine is replaced, one after another while the others are healthy."""
    return [
        step.name.removesuffix(ROLL_SUFFIX)
        for step in facts.steps_with(Operation.CHANGE)
        if step.name.endswith(ROLL_SUFFIX) and step.old.get("update") != step.new.get("update")
    ]


def _removes_role(facts: ChangeFacts, step: Step, role: Role) -> bool:
    """Check whether a deletion or replacement of resources removes a machine or the delivery of this role."""
    location = facts.location(step)
    if step.type in (*MACHINES, *MACHINE_GROUPS):
        return bool(location.host)
    return location.role == role.value


def _hosts_with(picture: Picture, role: Role) -> list[str]:
    return [host.name for host in picture.hosts if role.value in host.roles]


def _delivered_text(inputs: Values) -> str:
    """Return the delivered text in the inputs: of an SSH command, an object in a store, or a wait command."""
    environment = inputs.get("environment")
    texts = [environment.get("BECOMES")] if isinstance(environment, Mapping) else []
    texts += [inputs.get("create"), inputs.get("content")]
    return next((text for text in texts if isinstance(text, str)), "")
