"""Tests of the policy pack, called by the gRPC service of the library like the engine calls it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pulumi_policy
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import policy as library
from pulumi_policy.deserialize import deserialize_properties

from automation import signatures
from policy import pack
from policy.rules import table
from providers.resources import UNKNOWN
from redaction import MASK
from tests.unit.policy.checks import FACTS, KEY

_SECRET_SIGNATURE = {signatures.SIGNATURE: signatures.SECRET_SIGNATURE}
_LIST_UNKNOWN = "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2"


@pytest.fixture
def servicer(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401
    """Return the service of `PolicyPack`, with the facts of a production stack."""
    monkeypatch.setattr(library, pack.DESERIALIZE, deserialize_properties)
    monkeypatch.setattr(pack, "_stack_facts", lambda: FACTS)
    pack.expose_secret_markers()
    advisory = pulumi_policy.EnforcementLevel.ADVISORY
    return library._PolicyAnalyzerServicer(pack.NAME, "1.0.0", pack.policies(), advisory, *[None] * 7)


def analyze(servicer: Any, type_: str, inputs: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    properties = struct_pb2.Struct()
    properties.update(inputs)
    urn = f"urn:pulumi:prod::kubewright::{type_}::x"
    request = analyzer_pb2.AnalyzeRequest(type=type_, urn=urn, name="x", properties=properties)
    response = servicer.Analyze(request, None)
    return {diagnostic.policyName: diagnostic for diagnostic in response.diagnostics}


def test_every_rule_is_a_policy_with_its_level() -> None:
    policies = {policy.name: policy for policy in pack.policies()}
    assert list(policies) == [rule.name for rule in table.RULES]
    for rule in table.RULES:
        level = policies[rule.name].enforcement_level
        assert level is not None
        assert (level.value == "mandatory") == rule.mandatory


def test_a_resource_violation_is_reported(servicer: Any) -> None:  # noqa: ANN401
    type_ = "aws:ebs/volume:Volume"
    tags = {"kubewright:cluster": "prod"}
    assert analyze(servicer, type_, {"encrypted": True, "finalSnapshot": True, "tags": tags}) == {}
    diagnostics = analyze(servicer, type_, {"encrypted": False, "finalSnapshot": True, "tags": tags})
    assert set(diagnostics) == {"encrypted-disks"}
    assert diagnostics["encrypted-disks"].enforcementLevel == analyzer_pb2.MANDATORY


def test_a_secret_is_distinguished_from_plain_text(servicer: Any) -> None:  # noqa: ANN401
    type_ = "command:remote:Command"
    assert analyze(servicer, type_, {"stdin": {**_SECRET_SIGNATURE, "value": KEY}}) == {}
    diagnostics = analyze(servicer, type_, {"stdin": KEY})
    assert set(diagnostics) == {"no-plain-secret"}
    assert "MHcCAQEE" not in diagnostics["no-plain-secret"].message


def test_the_pack_offers_no_remediation(servicer: Any) -> None:  # noqa: ANN401
    """The engine requests remediations before violations."""
    properties = struct_pb2.Struct()
    properties.update({"stdin": {**_SECRET_SIGNATURE, "value": KEY}})
    request = analyzer_pb2.AnalyzeRequest(type="a:b:C", urn="urn:x", name="x", properties=properties)
    assert list(servicer.Remediate(request, None).remediations) == []


def test_unknown_values_break_no_rule(servicer: Any) -> None:  # noqa: ANN401
    inputs = {"encrypted": True, "finalSnapshot": True, "tags": _LIST_UNKNOWN, "zone": UNKNOWN}
    assert analyze(servicer, "aws:ebs/volume:Volume", inputs) == {}


def test_settings_are_checked_once_at_the_root(servicer: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    monkeypatch.setattr(pack, "_stack_facts", lambda: dataclasses.replace(FACTS, etcd_hosts=("a", "b")))
    assert set(analyze(servicer, "pulumi:pulumi:Stack", {})) == {"odd-etcd"}
    assert analyze(servicer, "command:remote:Command", {}) == {}


def test_invalid_settings_are_not_checked(servicer: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    """The program itself rejects invalid settings."""
    monkeypatch.setattr(pack, "_stack_facts", lambda: None)
    assert analyze(servicer, "pulumi:pulumi:Stack", {}) == {}


def test_inputs_become_plain_json(servicer: Any) -> None:  # noqa: ANN401
    """Test the format that the driver reads from the events of the engine."""
    value = getattr(library, pack.DESERIALIZE)(
        {
            "a": [{"b": {**_SECRET_SIGNATURE, "value": {"c": 1}}}],
            "d": _LIST_UNKNOWN,
            "e": [True, None, 2.5, "x"],
        }
    )
    assert pack.plain_inputs(value) == {"a": [{"b": MASK}], "d": UNKNOWN, "e": [True, None, 2.5, "x"]}


def test_the_placeholder_of_unknown_values_is_equal_to_the_engine_constant() -> None:
    assert UNKNOWN == rpc.UNKNOWN
