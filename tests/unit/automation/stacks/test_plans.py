"""Tests of plans: differences between plans, and rejected files."""

from __future__ import annotations

import copy
import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from automation.signatures import SECRET_SIGNATURE, SIGNATURE
from automation.stacks import plans
from automation.stacks.events import Step
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
