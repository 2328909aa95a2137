"""Before `up`: whether what was delivered may become what is wanted, for all hosts together [C1, J1].

Hosts refuse such steps, too, each for itself; here they are told before anything is touched. That etcd moves
to other hosts as a whole no host could see: new members would know of no cluster, and form one without data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from assembly import topology_or_none
from automation.deliveries import Delivery, deliveries_from_state
from automation.engine.program import Engine
from automation.errors import UserError
from nodeconfig.parse import versions
from topology.model import Role, Topology


def check(engine: Engine) -> None:
    """Raises `UserError` when the stack file asks for a step that must not be taken at once.

    Reading the state takes a second: it is spared while nothing of this changed since the last `done`.
    """
    wanted = _wanted(engine)
    if wanted is None or (_said(engine).is_file() and _said(engine).read_text() == _key(wanted)):
        return
    found = problems(wanted, deliveries_from_state(json.loads(engine.capture("stack export", "--show-secrets"))))
    if found:
        raise UserError("\n".join(found))


def done(engine: Engine) -> None:
    """Keeps that the hosts now are what the stack file says."""
    wanted = _wanted(engine)
    if wanted is not None:
        _said(engine).write_text(_key(wanted))


def _wanted(engine: Engine) -> Topology | None:
    return topology_or_none(engine.workspace.config)


def _said(engine: Engine) -> Path:
    return engine.workspace.directory / "steps"


def _key(wanted: Topology) -> str:
    names = sorted(member.name for member in wanted.etcd)
    return f"{wanted.versions.kubernetes} {wanted.versions.etcd} {' '.join(names)}\n"


def problems(wanted: Topology, delivered: Iterable[Delivery]) -> list[str]:
    """A line for each step that must not be taken at once."""
    scripts = list(delivered)
    return [*_moves(wanted, scripts), *_jumps(wanted, scripts)]


def _moves(wanted: Topology, delivered: Sequence[Delivery]) -> list[str]:
    now = {delivery.host for delivery in delivered if delivery.role is Role.ETCD}
    then = {member.name for member in wanted.etcd}
    if not now or now & then:
        return []
    names = ", ".join(sorted(now))
    return [
        f"etcd.hosts: none of the members {names} stays, and the cluster's data is theirs; move in two "
        "steps: first some new members beside some old ones, then, after `up`, the new ones alone"
    ]


def _jumps(wanted: Topology, delivered: Sequence[Delivery]) -> list[str]:
    lines = []
    for component, role, new in (
        ("kubernetes", Role.CONTROL_PLANE, wanted.versions.kubernetes),
        ("etcd", Role.ETCD, wanted.versions.etcd),
    ):
        field = "kubernetes.version" if component == "kubernetes" else "kubernetes.etcd"
        olds = {
            versions(delivery.script).get(component, ""): delivery.host
            for delivery in delivered
            if delivery.role is role
        }
        for old, host in sorted(olds.items()):
            step = _minor(new) - _minor(old) if old else 0
            if step < 0:
                lines.append(
                    f"{field}: {new} is a minor version back from {old} on {host}; that is not supported"
                )
            elif step > 1:
                lines.append(
                    f"{field}: {old} on {host} cannot become {new} at once; take each minor version in turn"
                )
    return lines


def _minor(version: str) -> int:
    major, minor, *_ = version.split(".")
    return int(major) * 1000 + int(minor)
