"""Facts of a production stack that breaks no rule, and functions that check rules in tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from ipaddress import IPv4Network
from typing import Any

from policy.rules import table
from policy.rules.model import Resource, StackFacts

TODAY = date(2026, 11, 20)
FACTS = StackFacts(
    cluster="prod",
    environment="production",
    api_allowed=(IPv4Network("192.0.2.0/24"),),
    api_ports=(6443,),
    versions=(("kubernetes.version", "1.36.3"),),
    etcd_hosts=("cp-1", "cp-2", "cp-3"),
    snapshots_copied=True,
    artifacts_pinned=True,
    unpinned_charts=(),
    issuer_store="",
    is_cloud=True,
    today=TODAY,
)
ANY_ADDRESS = (IPv4Network("0.0.0.0/0"),)
TAGS = {"kubewright:cluster": "prod"}
KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n"


def make_resource(
    type_: str, inputs: Mapping[str, Any], *, protect: bool = False, parent: str = ""
) -> Resource:
    qualified = f"{parent}${type_}" if parent else type_
    return Resource(
        type=type_, urn=f"urn:pulumi:prod::kubewright::{qualified}::x", inputs=inputs, protect=protect
    )


def violations(
    type_: str, inputs: Mapping[str, Any], *, protect: bool = False, facts: StackFacts = FACTS
) -> dict[str, str]:
    """Return the messages of the rules that the resource breaks, by rule."""
    broken_rules = table.check_resource(make_resource(type_, inputs, protect=protect), facts)
    return {violation.rule: violation.message for violation in broken_rules}


def settings_violations(**changes: Any) -> dict[str, bool]:  # noqa: ANN401
    """Return the rules that the changed facts break, and whether each rule is mandatory."""
    broken_rules = table.check_settings(replace(FACTS, **changes))
    return {violation.rule: violation.mandatory for violation in broken_rules}
