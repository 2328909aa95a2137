"""Deliveries: what the engine last delivered to each host, read from the stack's state, with secrets.

A host must agree with the state, not with the stack file: applying a changed stack file is the task of `up`.
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
    """The delivery of one role to one host: the script, and the payload on its standard input (secret)."""

    host: str
    role: Role
    script: str
    stdin: str = field(repr=False)


def load_deliveries(engine: Engine) -> list[Delivery]:
    """Return all deliveries of a stack, sorted by role. Raises `UserError` when there are none."""
    engine.select()
    deliveries = deliveries_from_state(json.loads(engine.capture("stack export", "--show-secrets")))
    if not deliveries:
        raise UserError(f"stack {engine.workspace.stack}: nothing was delivered yet; run `up` first")
    return deliveries


def deliveries_from_state(state: Mapping[str, Any]) -> list[Delivery]:
    """Return the deliveries in an exported state, sorted by role and host."""
    resources = (state.get("deployment") or {}).get("resources") or []
    candidates = [_delivery(resource) for resource in resources if resource.get("type") == _COMMAND]
    deliveries = [delivery for delivery in candidates if delivery is not None]
    return sorted(deliveries, key=lambda delivery: (list(Role).index(delivery.role), delivery.host))


def _delivery(resource: Mapping[str, Any]) -> Delivery | None:
    """Return the delivery of a command named `<host>-<role>`; None for other commands."""
    name = str(resource.get("urn", "")).rpartition("::")[2]
    inputs = resource.get("inputs") or {}
    # A resource that a replacement has yet to delete no longer describes the host.
    if resource.get("delete") or "stdin" not in inputs:
        return None
    for role in Role:
        host = name.removesuffix(f"-{role.value}")
        if host != name:
            return Delivery(host, role, str(reveal(inputs["create"])), str(reveal(inputs["stdin"])))
    return None
