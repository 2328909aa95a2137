"""Tests that `up` removes no key or plugin that objects in etcd still need."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from assembly import topology_or_none
from automation.engine.program import Engine
from automation.environment import Environment
from automation.errors import UserError
from automation.operations import encrypted_objects
from automation.operations import encryption as operation
from automation.operations.encrypted_objects import ObjectCount
from automation.stacks.preflight import encryption
from tests.unit.settings.support import ONE_HOST

KEY_1, KEY_2 = "k8s:enc:secretbox:v1:key1:", "k8s:enc:secretbox:v1:key2:"
SIGN, DONE = {"generation": 2, "stage": "sign"}, {"generation": 2, "stage": "done"}
CONTROL_PLANE = "kubewright:index:ControlPlane"


def engine(certificates: Mapping[str, object]) -> Engine:
    """Return an engine with a stack file."""
    config = {"kubewright:cluster": ONE_HOST | {"certificates": certificates}}
    return cast(Engine, SimpleNamespace(workspace=SimpleNamespace(config=config)))


@pytest.fixture
def rewritten(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the target of operations by a stack whose objects were all encrypted with key1."""
    stacks: list[str] = []

    def target_of(engine: Engine, environment: Environment) -> object:
        topology = topology_or_none(engine.workspace.config)
        return SimpleNamespace(
            stack="t", topology=topology, remote=None, settings=SimpleNamespace(metal=object())
        )

    def rewrite(target: Any) -> int:  # noqa: ANN401
        stacks.append(target.stack)
        return 0

    monkeypatch.setattr(encryption, "target_of", target_of)
    monkeypatch.setattr(operation, "rewrite_objects", rewrite)
    set_counts(monkeypatch, ObjectCount("secrets", KEY_1, 7), ObjectCount("pods", "", 3))
    return stacks


def set_counts(monkeypatch: pytest.MonkeyPatch, *counts: ObjectCount) -> None:
    monkeypatch.setattr(encrypted_objects, "count_objects", lambda *_: list(counts))


def check(certificates: Mapping[str, object], recorded: Mapping[str, list[int]] | None) -> None:
    """Check a stack file against the generations in the state."""
    inputs = {"version": "1.36.3"} | ({"encryption": recorded} if recorded else {})
    state = {"deployment": {"resources": [{"type": CONTROL_PLANE, "inputs": inputs}]}}
    encryption.check(engine(certificates), cast(Environment, None), lambda: state)


def test_a_key_that_objects_need_is_not_removed(rewritten: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        check({"encryption": DONE}, {"encryption": [2, 1, 2]})
    assert "objects in etcd need: 7 secrets with key1; set the previous stage" in str(caught.value)
    assert "kubewright encryption rewrite --stack t" in str(caught.value)
    assert rewritten == []


def test_a_key_that_no_object_needs_is_removed(rewritten: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    set_counts(monkeypatch, ObjectCount("secrets", KEY_2, 7), ObjectCount("pods", "", 3))
    check({"encryption": DONE}, {"encryption": [2, 1, 2]})


def test_settings_that_end_a_change_early_are_checked(rewritten: list[str]) -> None:
    """Objects may be encrypted with key2 after `sign` and `trust`, although key1 writes again."""
    with pytest.raises(UserError, match="7 secrets with key1"):
        check({"encryption": DONE}, {"encryption": [1.0, 1.0, 2.0]})  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("certificates", "recorded"),
    [
        ({}, None),
        ({"encryption": {"generation": 2, "stage": "trust"}}, None),
        ({"encryption": SIGN}, {"encryption": [1, 1, 2]}),
    ],
)
def test_a_change_that_removes_nothing_counts_nothing(
    rewritten: list[str],
    monkeypatch: pytest.MonkeyPatch,
    certificates: Mapping[str, object],
    recorded: Mapping[str, list[int]] | None,
) -> None:
    monkeypatch.setattr(encrypted_objects, "count_objects", lambda *_: pytest.fail("counted"))
    check(certificates, recorded)


def test_a_plugin_and_a_resource_are_checked_when_their_settings_are_removed(
    rewritten: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_counts(monkeypatch, ObjectCount("secrets", "k8s:enc:kms:v2:vault:", 2))
    with pytest.raises(UserError, match="2 secrets with the KMS plugin vault"):
        check({}, {"encryption-kms-vault": [1, 1, 2]})
    set_counts(monkeypatch, ObjectCount("configmaps", KEY_1, 4))
    with pytest.raises(UserError, match="4 configmaps with key1"):
        check({}, {"encryption-of-configmaps": [1, 1, 2]})


def test_in_a_cloud_objects_are_written_again_first(
    rewritten: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = SimpleNamespace(stack="t", settings=SimpleNamespace(metal=None))
    monkeypatch.setattr(encryption, "target_of", lambda *_: cloud)
    check({"encryption": DONE}, {"encryption": [2, 1, 2]})
    assert rewritten == ["t"]
    monkeypatch.setattr(operation, "rewrite_objects", lambda _: 1)
    with pytest.raises(UserError, match="not all objects were written again; run `up` again"):
        check({"encryption": DONE}, {"encryption": [2, 1, 2]})
