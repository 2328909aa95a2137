"""Check, before `up` removes a key or plugin, that no object in etcd needs it [D4].

Otherwise API servers could not read these objects, and the key would be lost with the stage `done`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assembly import topology_or_none
from automation.engine.program import Engine
from automation.engine.state import StateReader, resources_of
from automation.environment import Environment
from automation.errors import UserError
from automation.operations import encrypted_objects
from automation.operations import encryption as operation
from automation.operations.target import Target, target_of
from topology.encryption import ENCRYPTION, is_encryption, resource_encryptions
from topology.encryption_stages import recorded_rotations
from topology.rotations import Certificates, Rotation

_CONTROL_PLANE = "kubewright:index:ControlPlane"


def check(engine: Engine, environment: Environment, read_state: StateReader) -> None:
    """Raise `UserError` when objects in etcd would become unreadable.

    On bare metal, count the objects in etcd. In a cloud, where they cannot be counted, write all encrypted
    objects again.
    """
    topology = topology_or_none(engine.workspace.config)
    if topology is None:
        return
    before = rotations_in_state(read_state())
    if not removes_provider(before, topology.certificates):
        return
    target = target_of(engine, environment)
    if target.settings.metal is not None:
        _refuse_unreadable_objects(target)
    elif operation.rewrite_objects(target) != 0:
        raise UserError(f"stack {target.stack}: not all objects were written again; run `up` again")


def rotations_in_state(state: Mapping[str, Any]) -> dict[str, Rotation]:
    """Return the rotations of the encryption that the last `up` requested, from an exported state."""
    for resource in resources_of(state):
        if resource.get("type") == _CONTROL_PLANE:
            return recorded_rotations((resource.get("inputs") or {}).get(ENCRYPTION))
    return {}


def removes_provider(before: Mapping[str, Rotation], requested: Certificates) -> bool:
    """Check whether API servers could read fewer keys, plugins or encrypted resources than before."""
    return any(
        set(rotation.trusted) - set(requested.rotation(name).trusted)
        for name, rotation in before.items()
        if is_encryption(name)
    )


def _refuse_unreadable_objects(target: Target) -> None:
    encryptions = resource_encryptions(target.topology.encryption, target.topology.certificates)
    counts = encrypted_objects.count_objects(target.remote, target.topology)
    lost = encrypted_objects.unreadable(counts, encryptions)
    if lost:
        raise UserError(
            f"stack {target.stack}: the stack file removes a key or plugin that objects in etcd need: "
            f"{encrypted_objects.describe_counts(lost)}; set the previous stage, run `up` and `kubewright "
            f"encryption rewrite --stack {target.stack}`, then set this stage again"
        )
