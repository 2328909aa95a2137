"""Tests of plans: differences between plans, and rejected files."""

from __future__ import annotations

import copy
import json
import stat
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from automation.engine.program import Engine
from automation.errors import UserError
from automation.signatures import SECRET_SIGNATURE, SIGNATURE
from automation.stacks import plans
from automation.stacks.events import Message, Step
from automation.stacks.plans import PlanError, SavedPlan

URN = "urn:pulumi:dev::kubewright::command:remote:Command::w-1-node"


def engine_plan() -> dict[str, Any]:
    goal = {
        "type": "command:remote:Command",
        "inputDiff": {
            "updates": {"create": "a\n", "stdin": {SIGNATURE: SECRET_SIGNATURE, "ciphertext": "v1:one"}}
        },
        "dependencies": ["b", "a"],
    }
    entry = {"goal": goal, "steps": ["update"], "seed": "x", "state": {"stdout": ""}}
    return {"resourcePlans": {URN: entry}, "config": {"a": {"secure": "v1:one"}}, "manifest": {"time": "1"}}


def test_repeated_plan_is_equal() -> None:
    again = copy.deepcopy(engine_plan())
    entry = again["resourcePlans"][URN]
    entry["goal"]["inputDiff"]["updates"]["stdin"]["ciphertext"] = "v1:two"
    entry["goal"]["dependencies"] = ["a", "b"]
    entry["seed"] = "y"
    again["config"]["a"]["secure"] = "v1:two"
    again["manifest"]["time"] = "2"
    assert plans.differences(engine_plan(), again) == []
    plans.check_unchanged("dev", SavedPlan(engine_plan(), {}, "a"), SavedPlan(again, {}, "a"))


def test_every_difference_is_one_line() -> None:
    other = copy.deepcopy(engine_plan())
    other["resourcePlans"][URN]["goal"]["inputDiff"]["updates"]["create"] = "b\n"
    assert plans.differences(engine_plan(), other) == ["w-1-node: would update, differently"]
    other["resourcePlans"][URN]["steps"] = ["create-replacement", "replace", "delete-replaced"]
    assert plans.differences(engine_plan(), other) == [
        "w-1-node: would create-replacement and replace and delete-replaced, not update"
    ]
    more = copy.deepcopy(engine_plan())
    more["resourcePlans"][URN.replace("w-1", "w-2")] = {"goal": {}, "steps": ["delete"]}
    assert plans.differences(engine_plan(), more) == ["w-2-node: not in the plan, would delete"]
    assert plans.differences(more, engine_plan()) == ["w-2-node: planned to delete, no longer exists"]
    with pytest.raises(PlanError, match="nothing was changed"):
        plans.check_unchanged("dev", SavedPlan(engine_plan(), {}, "a"), SavedPlan(more, {}, "a"))


def test_changed_configuration_of_the_stack_is_a_difference() -> None:
    """The program reads the configuration. The engine checks only the resources that it reaches."""
    other = copy.deepcopy(engine_plan())
    other["config"]["kubewright:cluster"] = "{}"
    assert plans.differences(engine_plan(), other) == ["the stack's configuration changed"]
    with pytest.raises(PlanError, match="the stack's configuration changed"):
        plans.check_unchanged("dev", SavedPlan(engine_plan(), {}, "a"), SavedPlan(other, {}, "a"))


def test_plan_does_not_revert_later_changes() -> None:
    """Test a plan whose new inputs are equal to the current preview and whose old inputs differ."""

    def saved_plan_with_pods(pods: int) -> SavedPlan:
        old = {"create": f"max_pods {pods}"}
        step = Step(
            operation="update", phase="plan", urn=URN, type="t", old=old, new={"create": "max_pods 90"}
        )
        return SavedPlan(
            engine_plan(), plans.input_digests([step, replace(step, operation="same", urn="x")]), "a"
        )

    plans.check_unchanged("dev", saved_plan_with_pods(110), saved_plan_with_pods(110))
    with pytest.raises(PlanError, match="w-1-node: changed since the plan was saved"):
        plans.check_unchanged("dev", saved_plan_with_pods(110), saved_plan_with_pods(80))
    # No event shows a changed secret or a change of a resource outside the plan.
    with pytest.raises(PlanError, match="the state changed"):
        plans.check_unchanged("dev", saved_plan_with_pods(110), replace(saved_plan_with_pods(110), state="b"))


def test_complete_message_of_an_outdated_plan() -> None:
    changed = [URN.replace("w-1", f"w-{number:02}") for number in range(13)]

    def saved_plan(resources: int, digest: str, state: str = "a") -> SavedPlan:
        return SavedPlan(engine_plan(), dict.fromkeys(changed[:resources], digest), state)

    def message(resources: int, state: str = "a") -> str:
        with pytest.raises(PlanError) as caught:
            plans.check_unchanged("dev", saved_plan(13, "1"), saved_plan(resources, "2", state))
        return str(caught.value)

    start = "stack dev: the plan no longer matches; nothing was changed. Preview again and save a new plan."
    lines = [f"\n  w-{number:02}-node: changed since the plan was saved" for number in range(13)]
    assert message(12) == start + "".join(lines[:12])
    assert message(13) == start + "".join(lines[:12]) + "\n  and 1 more"
    state = "\n  the state changed: an `up`, `refresh` or `destroy` ran since the plan was saved"
    assert message(1, "b") == start + state + lines[0]


def test_resources_that_only_one_preview_changes_are_not_compared_twice() -> None:
    """The comparison of the plans reports a resource that only one of two previews changes."""
    saved, current = SavedPlan(engine_plan(), {URN: "1"}, "a"), SavedPlan(engine_plan(), {"x": "1"}, "a")
    plans.check_unchanged("dev", saved, current)


def test_only_planned_changes_of_inputs_have_a_digest() -> None:
    step = Step(operation="update", phase="plan", urn=URN, type="t", old={"b": 1, "a": 2}, new={})
    reordered = replace(step, old={"a": 2, "b": 1})
    unchanged = replace(step, operation="read", urn="x")
    done = replace(step, phase="done", urn="y")
    digests = plans.input_digests([step, unchanged, done, Message(severity="info", text="t")])
    assert digests.keys() == {URN}
    assert plans.input_digests([reordered]) == digests


@pytest.mark.parametrize(
    "change", [{"dependencies": ["b", "c"]}, {"propertyDependencies": {"x": ["b"], "y": None}}]
)
def test_other_dependencies_are_a_difference(change: dict[str, Any]) -> None:
    def plan(**goal: Any) -> dict[str, Any]:  # noqa: ANN401
        return {"resourcePlans": {URN: {"goal": goal, "steps": ["create"]}}}

    usual = {"dependencies": ["a", "b"], "propertyDependencies": {"x": ["a", "b"], "y": None}}
    other_order = {"dependencies": ["b", "a"], "propertyDependencies": {"x": ["b", "a"], "y": None}}
    assert plans.differences(plan(**usual), plan(**other_order)) == []
    assert plans.differences(plan(**usual), plan(**usual | change)) == ["w-1-node: would create, differently"]


def test_ciphertexts_inside_lists_are_equal() -> None:
    def plan(ciphertext: str) -> dict[str, Any]:
        secret = {SIGNATURE: SECRET_SIGNATURE, "ciphertext": ciphertext}
        return {"resourcePlans": {URN: {"goal": {"values": ["a", secret]}, "steps": ["same"]}}}

    assert plans.differences(plan("v1:one"), plan("v1:two")) == []


@pytest.mark.parametrize("steps", [["same"], [], None])
def test_a_resource_without_changes_stays(steps: list[str] | None) -> None:
    plan: dict[str, Any] = {"resourcePlans": {URN: {"goal": {}, "steps": steps}}}
    assert plans.differences(plan, {}) == ["w-1-node: planned to stay, no longer exists"]


def test_the_plan_of_the_engine_is_in_a_private_file_that_is_removed(tmp_path: Path) -> None:
    engine = SimpleNamespace(workspace=SimpleNamespace(directory=tmp_path))
    with plans.plan_in_temporary_file(cast(Engine, engine), engine_plan()) as file:
        assert plans.load_engine_plan(file) == engine_plan()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.parent.parent == tmp_path
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert list(tmp_path.iterdir()) == []


def test_a_plan_that_cannot_be_saved_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "missing/plan.json"
    with pytest.raises(UserError) as caught:
        plans.save_plan(path, "dev", SavedPlan({}, {}, "a"))
    assert str(caught.value) == f"--save-plan: {path}: cannot be written: No such file or directory"


def test_saved_plan_is_private_and_belongs_to_its_stack(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    plans.save_plan(path, "dev", SavedPlan(engine_plan(), {URN: "1"}, "a"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert plans.read_saved_plan(path, "dev") == SavedPlan(engine_plan(), {URN: "1"}, "a")
    with pytest.raises(PlanError, match="belongs to the stack 'dev', not ha"):
        plans.read_saved_plan(path, "ha")


def plan_file_content(**changes: object) -> str:
    """Return the content of a plan file with these changes."""
    content = {"kubewright": 3, "stack": "dev", "plan": engine_plan(), "before": {}, "state": "a"}
    return json.dumps(content | changes)


INVALID_PLANS = [
    "",
    "[]",
    "{}",
    "null",
    "[" * 100_000,
    plan_file_content(kubewright=2),
    plan_file_content(stack=["dev"]),
    plan_file_content(plan=[]),
    plan_file_content(plan={"resourcePlans": [URN]}),
    plan_file_content(plan={"resourcePlans": {URN: [1]}}),
    plan_file_content(plan={"resourcePlans": {URN: {"goal": [1]}}}),
    plan_file_content(plan={"resourcePlans": {URN: {"steps": [["update"]]}}}),
    plan_file_content(plan={"config": [1]}),
    plan_file_content(before=[]),
    plan_file_content(state=None),
]


@pytest.mark.parametrize("content", INVALID_PLANS)
def test_invalid_plan_is_reported_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(content)
    with pytest.raises(PlanError, match=r"^--plan: [^\n]+is not a plan of `preview --save-plan`"):
        plans.read_saved_plan(path, "dev")
    with pytest.raises(PlanError, match="cannot be read: No such file"):
        plans.read_saved_plan(tmp_path / "nowhere", "dev")
