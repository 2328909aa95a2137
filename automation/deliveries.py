"""What the engine last delivered to each host, from the stack's state: scripts with their secrets.

The state and not the stack file is what a host must agree with: a changed file is the business of `up`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from automation.engine.program import Engine
from automation.errors import UserError
from automation.signatures import reveal
from topology.model import Role

_COMMAND = "command:remote:Command"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One role of one host: the script, and its standard input (secret)."""

    host: str
    role: Role
    script: str
    stdin: str = field(repr=False)


def load_deliveries(engine: Engine) -> list[Delivery]:
    """All deliveries of a stack, in the order of roles. Raises `UserError` when there is none."""
    engine.select()
    found = deliveries_from_state(json.loads(engine.capture("stack export", "--show-secrets")))
    if not found:
        raise UserError(f"stack {engine.workspace.stack}: nothing was delivered yet; run `up` first")
    return found


def deliveries_from_state(state: Mapping[str, Any]) -> list[Delivery]:
    """The deliveries in an exported state."""
    resources = (state.get("deployment") or {}).get("resources") or []
    found = [_delivery(resource) for resource in resources if resource.get("type") == _COMMAND]
    known = [delivery for delivery in found if delivery is not None]
    return sorted(known, key=lambda delivery: (list(Role).index(delivery.role), delivery.host))


def _delivery(resource: Mapping[str, Any]) -> Delivery | None:
    """The delivery of a command named `<host>-<role>`; None for a command of another kind."""
    name = str(resource.get("urn", "")).rpartition("::")[2]
    inputs = resource.get("inputs") or {}
    # A copy that a replacement has still to delete is no longer what the host is.
    if resource.get("delete") or "stdin" not in inputs:
        return None
    for role in Role:
        host = name.removesuffix(f"-{role.value}")
        if host != name:
            return Delivery(host, role, str(reveal(inputs["create"])), str(reveal(inputs["stdin"])))
    return None
