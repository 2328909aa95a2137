"""Tests of the policy rules with events of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pulumi.automation.events import EngineEvent

from automation.signatures import SECRET_SIGNATURE, SIGNATURE
from automation.stacks import policies
from automation.stacks.policies import PolicyChecker
from testkit.cluster import CHECKOUT

_KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n"


def stack_config(path: Path = CHECKOUT / "Pulumi.dev.yaml", **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    config: dict[str, Any] = yaml.safe_load(path.read_text())["config"]
    config["kubewright:cluster"] |= changes
    return config


def resource_event(operation: str, inputs: dict[str, Any] | None, name: str = "x") -> EngineEvent:
    kind = "command:remote:Command"
    urn = f"urn:pulumi:dev::kubewright::{kind}::{name}"
    state = {
        "type": kind,
        "urn": urn,
        "id": "1",
        "parent": "",
        "provider": "",
        "custom": True,
        "inputs": inputs,
        "outputs": {},
    }
    new = state if inputs is not None else None
    metadata = {"op": operation, "urn": urn, "type": kind, "old": state, "new": new, "provider": ""}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, "resourcePreEvent": {"metadata": metadata}})


def test_unchanged_resources_are_checked_and_deleted_ones_are_not() -> None:
    checker = PolicyChecker(stack_config())
    checker.add_event(resource_event("same", {"create": _KEY}, "kept"))
    checker.add_event(resource_event("create", {"create": "true", "stdin": "[secret]"}, "new"))
    checker.add_event(resource_event("delete", None, "gone"))
    violations = checker.violations()
    assert [each.urn.rpartition("::")[2] for each in violations] == ["kept"]
    assert violations[0].policy == "kubewright/no-plain-secret"
    assert "MHcCAQEE" not in violations[0].text
    assert policies.mandatory_violations(violations) == (
        f"policy kubewright/no-plain-secret: kept: {violations[0].text}",
    )


def test_secrets_of_unchanged_resources_are_recognized() -> None:
    secret = {SIGNATURE: SECRET_SIGNATURE, "plaintext": _KEY}
    checker = PolicyChecker(stack_config())
    checker.add_event(
        resource_event("same", {"stdin": secret, "connection": {"privateKey": secret}, "list": [secret]})
    )
    assert checker.violations() == []


def test_mandatory_violations_come_first_and_only_they_fail_the_preview() -> None:
    config = stack_config(environment="production")
    config["kubewright:cluster"]["network"]["api_allowed"] = ["0.0.0.0/0"]
    violations = PolicyChecker(config).violations()
    assert [each.level for each in violations] == ["mandatory", "mandatory", "advisory", "advisory"]
    assert len(policies.mandatory_violations(violations)) == 2
    assert len(policies.format_violations(violations, complete=True)) == 5


def test_all_rules_are_met_only_after_a_complete_preview() -> None:
    violations = PolicyChecker(stack_config()).violations()
    assert violations == []
    assert "rules are met" in policies.format_violations(violations, complete=True)[0]
    assert "not checked" in policies.format_violations(violations, complete=False)[0]


def test_invalid_settings_are_a_violation() -> None:
    violations = PolicyChecker(stack_config(name="")).violations()
    assert [each.policy for each in violations] == ["kubewright/readable-settings"]
    assert "not checked: 1 mistake" in policies.mandatory_violations(violations)[0]
