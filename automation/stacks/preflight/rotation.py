"""Before `up`: whether the stages of a rotation follow one another, for all hosts together [B3].

A host judges for itself, too; but of two hosts, one may have missed a stage that the other has had.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assembly import topology_or_none
from automation.deliveries import Delivery, deliveries_from_state
from automation.engine.program import Engine
from automation.errors import UserError
from automation.lab_stack import CLUSTER_KEY
from nodeconfig.parse import rotations
from nodeconfig.roles import TRUSTS
from topology.model import Certificates, Rotation


@dataclass(frozen=True, slots=True)
class _Old:
    host: str
    name: str
    rotation: Rotation


def check(engine: Engine) -> None:
    """Raises `UserError` when the stack file asks for a stage that its hosts are not ready for.

    Only files that ask for a rotation cost the time it takes to read the state.
    """
    cluster = engine.workspace.config.get(CLUSTER_KEY)
    if not isinstance(cluster, Mapping) or "certificates" not in cluster:
        return
    topology = topology_or_none(engine.workspace.config)
    if topology is None:
        return
    state = json.loads(engine.capture("stack export", "--show-secrets"))
    found = problems(topology.certificates, deliveries_from_state(state))
    if found:
        raise UserError("\n".join(found))


def problems(wanted: Certificates, delivered: Iterable[Delivery]) -> list[str]:
    """A line for each authority of which hosts would no longer know each other on the way."""
    by_name: dict[str, list[_Old]] = {}
    for delivery in delivered:
        told = rotations(delivery.script)
        for name in TRUSTS[delivery.role]:
            old = _Old(delivery.host, name, told.get(name, Rotation()))
            by_name.setdefault(name, []).append(old)
    lines = []
    for name, olds in by_name.items():
        new = wanted.rotation(name)
        behind = sorted({old.host for old in olds if not follows(old.rotation, new)})
        if behind:
            lines.append(_line(name, new, behind, next(old for old in olds if old.host == behind[0])))
    return lines


def follows(old: Rotation, new: Rotation) -> bool:
    """Whether hosts with the one and hosts with the other know each other."""
    return old.signing in new.trusted and new.signing in old.trusted


def _line(name: str, new: Rotation, behind: list[str], old: _Old) -> str:
    field = "service_account" if name == "service-account" else f"authorities.{name}"
    there = " and ".join(map(str, old.rotation.trusted))
    return (
        f"certificates.{field}: generation {new.signing} is to sign with {' and '.join(map(str, new.trusted))} "
        f"trusted, but on {', '.join(behind)} generation {old.rotation.signing} signs and {there} is trusted; "
        "set the stage that comes next (trust, sign, done), and the one after only when `up` has succeeded"
    )
