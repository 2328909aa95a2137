"""Reads deliveries from the state of a stack: scripts and payloads that the engine last sent to each host.

Operations compare a host with the state and not with the stack file, because only `up` applies a changed
stack file. Deliveries contain secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from automation.engine.program import Engine
from automation.engine.state import resources_of
from automation.errors import UserError
from automation.signatures import reveal
from topology.model import Role

_COMMAND_TYPE = "command:remote:Command"


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery of a role to a host: a script, and the secret payload on its standard input."""

    host: str
    role: Role
    script: str
    stdin: str = field(repr=False)


def load_deliveries(engine: Engine) -> list[Delivery]:
    """Return all deliveries in the state of a stack, sorted by role and host.

    Raise `UserError` when the state has no deliveries.
    """
    engine.select()
    deliveries = deliveries_from_state(engine.export_state())
    if not deliveries:
        raise UserError(f"stack {engine.workspace.stack}: nothing was delivered yet; run `up` first")
    return deliveries


def deliveries_from_state(state: Mapping[str, Any]) -> list[Delivery]:
    """Return the deliveries in an exported state, sorted by role and host."""
    candidates = [
        _parse_delivery(resource) for resource in resources_of(state) if resource.get("type") == _COMMAND_TYPE
    ]
    deliveries = [delivery for delivery in candidates if delivery is not None]
    return sorted(deliveries, key=lambda delivery: (list(Role).index(delivery.role), delivery.host))


def _parse_delivery(resource: Mapping[str, Any]) -> Delivery | None:
    """Return the delivery in a resource of the state; None for a resource that delivers nothing.

    A delivery is a remote command with the name `<host>-<role>`.
    """
    name = str(resource.get("urn", "")).rpartition("::")[2]
    inputs = resource.get("inputs") or {}
    # A resource that is waiting for deletion after its replacement no longer describes the host.
    if resource.get("delete") or "stdin" not in inputs:
        return None
    for role in Role:
        host = name.removesuffix(f"-{role.value}")
        if host != name:
            return Delivery(host, role, str(reveal(inputs["create"])), str(reveal(inputs["stdin"])))
    return None
