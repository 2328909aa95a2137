"""What tests of the rules share: a production stack that keeps them all, and who asks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from ipaddress import IPv4Network
from typing import Any

from policy.rules import table
from policy.rules.model import Resource, Stack

TODAY = date(2026, 11, 20)
STACK = Stack(
    cluster="prod",
    environment="production",
    api_allowed=(IPv4Network("192.0.2.0/24"),),
    api_ports=(6443,),
    versions=(("kubernetes.version", "1.36.3"),),
    etcd=("cp-1", "cp-2", "cp-3"),
    copies=True,
    cloud=True,
    today=TODAY,
)
EVERYONE = (IPv4Network("0.0.0.0/0"),)
TAGS = {"kubewright:cluster": "prod"}
KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n"


def resource(kind: str, inputs: Mapping[str, Any], *, protect: bool = False, parent: str = "") -> Resource:
    qualified = f"{parent}${kind}" if parent else kind
    return Resource(
        type=kind, urn=f"urn:pulumi:prod::kubewright::{qualified}::x", inputs=inputs, protect=protect
    )


def found(
    kind: str, inputs: Mapping[str, Any], *, protect: bool = False, stack: Stack = STACK
) -> dict[str, str]:
    """Rule -> message, of one resource."""
    judged = table.of_resource(resource(kind, inputs, protect=protect), stack)
    return {finding.rule: finding.message for finding in judged}


def of_settings(**changes: Any) -> dict[str, bool]:  # noqa: ANN401
    """Rule -> whether it is mandatory, of settings."""
    return {finding.rule: finding.mandatory for finding in table.of_settings(replace(STACK, **changes))}
