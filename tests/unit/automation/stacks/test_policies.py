"""The rules on the engine's events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pulumi.automation.events import EngineEvent
from testkit.cluster import CHECKOUT

from automation.signatures import SECRET_SIGNATURE, SIGNATURE
from automation.stacks import policies
from automation.stacks.policies import PolicyChecker

_KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n"


def config(path: Path = CHECKOUT / "Pulumi.dev.yaml", **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    found: dict[str, Any] = yaml.safe_load(path.read_text())["config"]
    found["kubewright:cluster"] |= changes
    return found


def step(operation: str, inputs: dict[str, Any] | None, name: str = "x") -> EngineEvent:
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


def test_unchanged_resources_are_judged_and_deleted_ones_are_not() -> None:
    checker = PolicyChecker(config())
    checker.see(step("same", {"create": _KEY}, "kept"))
    checker.see(step("create", {"create": "true", "stdin": "[secret]"}, "new"))
    checker.see(step("delete", None, "gone"))
    found = checker.found()
    assert [each.urn.rpartition("::")[2] for each in found] == ["kept"]
    assert found[0].policy == "kubewright/no-plain-secret"
    assert "MHcCAQEE" not in found[0].text
    assert policies.mandatory_violations(found) == (
        f"policy kubewright/no-plain-secret: kept: {found[0].text}",
    )


def test_secrets_of_unchanged_resources_are_taken_for_secrets() -> None:
    sign = {SIGNATURE: SECRET_SIGNATURE, "plaintext": _KEY}
    checker = PolicyChecker(config())
    checker.see(step("same", {"stdin": sign, "connection": {"privateKey": sign}, "list": [sign]}))
    assert checker.found() == []


def test_mandatory_ones_come_first_and_alone_are_broken() -> None:
    found = PolicyChecker(config(environment="production")).found()
    assert [each.level for each in found] == ["mandatory", "advisory", "advisory"]
    assert len(policies.mandatory_violations(found)) == 1
    assert len(policies.format_violations(found, whole=True)) == 4


def test_a_stack_that_keeps_all_rules_says_so_only_when_all_of_it_was_seen() -> None:
    found = PolicyChecker(config()).found()
    assert found == []
    assert "rules are kept" in policies.format_violations(found, whole=True)[0]
    assert "not judged" in policies.format_violations(found, whole=False)[0]


def test_wrong_settings_are_never_called_kept() -> None:
    found = PolicyChecker(config(name="")).found()
    assert [each.policy for each in found] == ["kubewright/readable-settings"]
    assert "not checked: 1 mistake" in policies.mandatory_violations(found)[0]
