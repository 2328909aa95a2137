"""Checks that all hosts have the previous stage of a rotation before the next stage starts [B3].

Hosts check their own stage too. But a host cannot see that another host missed a stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assembly import topology_or_none
from automation.deliveries import Delivery, deliveries_from_state
from automation.engine.program import Engine
from automation.engine.state import StateReader
from automation.errors import UserError
from automation.lab_stack import CLUSTER_KEY
from nodeconfig.parse import parse_rotations
from nodeconfig.roles import AUTHORITIES_BY_ROLE, has_rotation
from topology.encryption import is_encryption
from topology.encryption_stages import describe_skipped_stage
from topology.rotations import Certificates, Rotation, unrecorded_rotation
from topology.transitions import are_compatible


@dataclass(frozen=True, slots=True)
class _HostRotation:
    """The rotation of one authority that was last delivered to a host."""

    host: str
    rotation: Rotation


def check(engine: Engine, read_state: StateReader) -> None:
    """Raise `UserError` when the stack file requests a rotation stage that its hosts are not ready for.

    The state is read only for stack files with a rotation, or with settings of the encryption.
    """
    cluster = engine.workspace.config.get(CLUSTER_KEY)
    if not isinstance(cluster, Mapping) or not _has_rotations(cluster):
        return
    topology = topology_or_none(engine.workspace.config)
    if topology is None:
        return
    problems = find_problems(topology.certificates, deliveries_from_state(read_state()))
    if problems:
        raise UserError("\n".join(problems))


def find_problems(certificates: Certificates, delivered: Iterable[Delivery]) -> list[str]:
    """Return a line for each authority whose hosts would not trust each other during the change."""
    requested_names = [name for name, _ in certificates.rotations]
    by_authority: dict[str, list[_HostRotation]] = {}
    for delivery in delivered:
        delivered_rotations = parse_rotations(delivery.script)
        names = dict.fromkeys((*AUTHORITIES_BY_ROLE[delivery.role], *delivered_rotations, *requested_names))
        for name in (name for name in names if has_rotation(delivery.role, name)):
            current = _HostRotation(delivery.host, delivered_rotations.get(name, unrecorded_rotation(name)))
            by_authority.setdefault(name, []).append(current)
    lines = []
    for name, host_rotations in by_authority.items():
        requested = certificates.rotation(name)
        incompatible = [each for each in host_rotations if not are_compatible(each.rotation, requested)]
        if incompatible:
            lines.append(_format_problem(name, requested, incompatible))
    return lines


def _has_rotations(cluster: Mapping[str, object]) -> bool:
    """Check whether the object `kubewright:cluster` of a stack file has settings of a rotation."""
    api = cluster.get("api")
    return "certificates" in cluster or (isinstance(api, Mapping) and "encryption" in api)


def _format_problem(name: str, requested: Rotation, incompatible: list[_HostRotation]) -> str:
    if is_encryption(name):
        first_host = min(incompatible, key=lambda each: each.host)
        return describe_skipped_stage(
            name, first_host.rotation, requested, [each.host for each in incompatible]
        )
    field = "service_account" if name == "service-account" else f"authorities.{name}"
    first = min(incompatible, key=lambda each: each.host).rotation
    hosts = ", ".join(sorted({each.host for each in incompatible}))
    return (
        f"certificates.{field}: requested is that generation {requested.signing} signs and "
        f"{' and '.join(map(str, requested.trusted))} are trusted, but on {hosts} generation {first.signing} "
        f"signs and {' and '.join(map(str, first.trusted))} are trusted; set the next stage (trust, sign, "
        "done), run `up`, then set the stage after it"
    )
