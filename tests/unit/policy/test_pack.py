"""The pack: the library's own service, asked as the engine asks it, and the same rules in both forms."""

from __future__ import annotations

import dataclasses
from typing import Any

import pulumi_policy
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import policy as library
from pulumi_policy.deserialize import deserialize_properties

from automation import signatures
from policy import pack
from policy.rules import table
from policy.rules.model import SECRET, UNKNOWN
from tests.unit.policy.judging import KEY, STACK

_SECRET_SIGN = {signatures.SIGNATURE: signatures.SECRET}
_LIST_UNKNOWN = "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2"


@pytest.fixture
def servicer(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401
    """What `PolicyPack` serves, with the facts of a production stack."""
    monkeypatch.setattr(library, pack.DESERIALIZE, deserialize_properties)
    monkeypatch.setattr(pack, "_stack", lambda: STACK)
    pack.keep_secrets()
    advisory = pulumi_policy.EnforcementLevel.ADVISORY
    return library._PolicyAnalyzerServicer(pack.NAME, "1.0.0", pack.policies(), advisory, *[None] * 7)


def analyzed(servicer: Any, kind: str, inputs: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    properties = struct_pb2.Struct()
    properties.update(inputs)
    urn = f"urn:pulumi:prod::kubewright::{kind}::x"
    request = analyzer_pb2.AnalyzeRequest(type=kind, urn=urn, name="x", properties=properties)
    response = servicer.Analyze(request, None)
    return {found.policyName: found for found in response.diagnostics}


def test_every_rule_is_a_policy_of_its_level() -> None:
    policies = {policy.name: policy for policy in pack.policies()}
    assert list(policies) == [rule.name for rule in table.RULES]
    for rule in table.RULES:
        level = policies[rule.name].enforcement_level
        assert level is not None
        assert (level.value == "mandatory") == rule.mandatory


def test_a_resource_is_judged(servicer: Any) -> None:  # noqa: ANN401
    kind = "aws:ebs/volume:Volume"
    tags = {"kubewright:cluster": "prod"}
    assert analyzed(servicer, kind, {"encrypted": True, "finalSnapshot": True, "tags": tags}) == {}
    broken = analyzed(servicer, kind, {"encrypted": False, "finalSnapshot": True, "tags": tags})
    assert set(broken) == {"encrypted-disks"}
    assert broken["encrypted-disks"].enforcementLevel == analyzer_pb2.MANDATORY


def test_a_secret_is_told_from_a_text_that_is_none(servicer: Any) -> None:  # noqa: ANN401
    kind = "command:remote:Command"
    assert analyzed(servicer, kind, {"stdin": {**_SECRET_SIGN, "value": KEY}}) == {}
    broken = analyzed(servicer, kind, {"stdin": KEY})
    assert set(broken) == {"no-plain-secret"}
    assert "MHcCAQEE" not in broken["no-plain-secret"].message


def test_nothing_is_remedied(servicer: Any) -> None:  # noqa: ANN401
    """The engine asks for remedies before it asks for violations."""
    properties = struct_pb2.Struct()
    properties.update({"stdin": {**_SECRET_SIGN, "value": KEY}})
    request = analyzer_pb2.AnalyzeRequest(type="a:b:C", urn="urn:x", name="x", properties=properties)
    assert list(servicer.Remediate(request, None).remediations) == []


def test_what_is_unknown_stops_no_rule(servicer: Any) -> None:  # noqa: ANN401
    inputs = {"encrypted": True, "finalSnapshot": True, "tags": _LIST_UNKNOWN, "zone": UNKNOWN}
    assert analyzed(servicer, "aws:ebs/volume:Volume", inputs) == {}


def test_settings_are_judged_once_at_the_root(servicer: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    monkeypatch.setattr(pack, "_stack", lambda: dataclasses.replace(STACK, etcd=("a", "b")))
    assert set(analyzed(servicer, "pulumi:pulumi:Stack", {})) == {"odd-etcd"}
    assert analyzed(servicer, "command:remote:Command", {}) == {}


def test_nothing_is_judged_without_settings(servicer: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    """The program itself refuses these."""
    monkeypatch.setattr(pack, "_stack", lambda: None)
    assert analyzed(servicer, "pulumi:pulumi:Stack", {}) == {}


def test_inputs_are_plain(servicer: Any) -> None:  # noqa: ANN401
    """As the driver has them from the engine's events."""
    value = getattr(library, pack.DESERIALIZE)(
        {"a": [{"b": {**_SECRET_SIGN, "value": {"c": 1}}}], "d": _LIST_UNKNOWN, "e": [True, None, 2.5, "x"]}
    )
    assert pack.plain(value) == {"a": [{"b": SECRET}], "d": UNKNOWN, "e": [True, None, 2.5, "x"]}
