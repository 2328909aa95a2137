"""Checks that all hosts together can change to the requested versions and etcd members [C1, J1].

Each host also rejects unsupported version changes. This check reports such changes before anything changes.
It compares the stack file with the last delivery to each host. The hooks in `components/refused_changes.py`
compare the new inputs with the inputs that the program last requested, and also run without the driver. The
two comparisons can differ after a failed `up`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from assembly import topology_or_none
from automation.deliveries import Delivery, deliveries_from_state
from automation.engine.program import Engine
from automation.engine.state import StateReader
from automation.errors import UserError
from nodeconfig.parse import parse_versions
from topology.model import Role, Topology
from topology.transitions import find_member_problem, is_downgrade, skips_minor_version


def check(engine: Engine, read_state: StateReader) -> None:
    """Raise `UserError` when the stack file requests an unsupported change.

    The check is skipped, and the state not read, while nothing has changed since the last `record_success`.
    """
    topology = topology_or_none(engine.workspace.config)
    record = _record_file(engine)
    if topology is None or (record.is_file() and record.read_text() == _fingerprint(topology)):
        return
    problems = find_problems(topology, deliveries_from_state(read_state()))
    if problems:
        raise UserError("\n".join(problems))


def record_success(engine: Engine) -> None:
    """Record that the hosts have the versions and etcd members of the stack file."""
    topology = topology_or_none(engine.workspace.config)
    if topology is not None:
        _record_file(engine).write_text(_fingerprint(topology))


def _record_file(engine: Engine) -> Path:
    return engine.workspace.directory / "steps"


def _fingerprint(topology: Topology) -> str:
    names = sorted(member.name for member in topology.etcd)
    return f"{topology.versions.kubernetes} {topology.versions.etcd} {' '.join(names)}\n"


def find_problems(topology: Topology, delivered: Iterable[Delivery]) -> list[str]:
    """Return a line for each change that is not supported in one step."""
    deliveries = list(delivered)
    return [*_check_etcd_members(topology, deliveries), *_check_versions(topology, deliveries)]


def _check_etcd_members(topology: Topology, deliveries: Sequence[Delivery]) -> list[str]:
    current = {delivery.host for delivery in deliveries if delivery.role is Role.ETCD}
    problem = find_member_problem(current, {member.name for member in topology.etcd})
    return [f"etcd.hosts: {problem}"] if problem else []


def _check_versions(topology: Topology, deliveries: Sequence[Delivery]) -> list[str]:
    lines = []
    for component, field, role, requested in (
        ("kubernetes", "kubernetes.version", Role.CONTROL_PLANE, topology.versions.kubernetes),
        ("etcd", "kubernetes.etcd", Role.ETCD, topology.versions.etcd),
    ):
        hosts = {
            parse_versions(delivery.script).get(component, ""): delivery.host
            for delivery in deliveries
            if delivery.role is role
        }
        for current, host in sorted(hosts.items()):
            if current and (problem := _check_version_change(current, requested, host)):
                lines.append(f"{field}: {problem}")
    return lines


def _check_version_change(current: str, requested: str, host: str) -> str:
    """Return the reason why a version change is not supported; empty for a supported change."""
    if is_downgrade(current, requested):
        return f"{requested} is an older minor version than {current} on {host}; downgrades are not supported"
    if skips_minor_version(current, requested):
        return (
            f"{current} on {host} cannot become {requested} in one step; upgrade one minor version at a time"
        )
    return ""
