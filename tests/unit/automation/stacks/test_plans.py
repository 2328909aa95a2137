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


def plan() -> dict[str, Any]:
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
    again = copy.deepcopy(plan())
    entry = again["resourcePlans"][URN]
    entry["goal"]["inputDiff"]["updates"]["stdin"]["ciphertext"] = "v1:two"
    entry["goal"]["dependencies"] = ["a", "b"]
    entry["seed"] = "y"
    again["config"]["a"]["secure"] = "v1:two"
    again["manifest"]["time"] = "2"
    assert plans.differences(plan(), again) == []
    plans.check_unchanged("dev", SavedPlan(plan(), {}, "a"), SavedPlan(again, {}, "a"))


def test_every_difference_is_one_line() -> None:
    other = copy.deepcopy(plan())
    other["resourcePlans"][URN]["goal"]["inputDiff"]["updates"]["create"] = "b\n"
    assert plans.differences(plan(), other) == ["w-1-node: would update, differently"]
    other["resourcePlans"][URN]["steps"] = ["create-replacement", "replace", "delete-replaced"]
    assert plans.differences(plan(), other) == [
        "w-1-node: would create-replacement and replace and delete-replaced, not update"
    ]
    more = copy.deepcopy(plan())
    more["resourcePlans"][URN.replace("w-1", "w-2")] = {"goal": {}, "steps": ["delete"]}
    assert plans.differences(plan(), more) == ["w-2-node: not in the plan, would delete"]
    assert plans.differences(more, plan()) == ["w-2-node: planned to delete, no longer exists"]
    with pytest.raises(PlanError, match="nothing was changed"):
        plans.check_unchanged("dev", SavedPlan(plan(), {}, "a"), SavedPlan(more, {}, "a"))


def test_plan_does_not_revert_later_changes() -> None:
    """Test a plan whose new inputs are equal to the current preview and whose old inputs differ."""

    def before(pods: int) -> SavedPlan:
        old = {"create": f"max_pods {pods}"}
        step = Step(
            operation="update", phase="plan", urn=URN, type="t", old=old, new={"create": "max_pods 90"}
        )
        return SavedPlan(plan(), plans.input_digests([step, replace(step, operation="same", urn="x")]), "a")

    plans.check_unchanged("dev", before(110), before(110))
    with pytest.raises(PlanError, match="w-1-node: changed since the plan was saved"):
        plans.check_unchanged("dev", before(110), before(80))
    # No event shows a changed secret or a change of a resource outside the plan.
    with pytest.raises(PlanError, match="the state changed"):
        plans.check_unchanged("dev", before(110), replace(before(110), state="b"))


def test_saved_plan_is_private_and_belongs_to_its_stack(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    plans.save_plan(path, "dev", SavedPlan(plan(), {URN: "1"}, "a"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert plans.read_saved_plan(path, "dev") == SavedPlan(plan(), {URN: "1"}, "a")
    with pytest.raises(PlanError, match="belongs to the stack 'dev', not ha"):
        plans.read_saved_plan(path, "ha")


def saved(**changes: object) -> str:
    """Return the content of a plan file with these changes."""
    content = {"kubewright": 3, "stack": "dev", "plan": plan(), "before": {}, "state": "a"}
    return json.dumps(content | changes)


INVALID_PLANS = [
    "",
    "[]",
    "{}",
    "null",
    "[" * 100_000,
    saved(kubewright=2),
    saved(stack=["dev"]),
    saved(plan=[]),
    saved(plan={"resourcePlans": [URN]}),
    saved(plan={"resourcePlans": {URN: [1]}}),
    saved(plan={"resourcePlans": {URN: {"goal": [1]}}}),
    saved(plan={"resourcePlans": {URN: {"steps": [["update"]]}}}),
    saved(plan={"config": [1]}),
    saved(before=[]),
    saved(state=None),
]


@pytest.mark.parametrize("content", INVALID_PLANS)
def test_invalid_plan_is_reported_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(content)
    with pytest.raises(PlanError, match=r"^--plan: [^\n]+is not a plan of `preview --save-plan`"):
        plans.read_saved_plan(path, "dev")
    with pytest.raises(PlanError, match="cannot be read: No such file"):
        plans.read_saved_plan(tmp_path / "nowhere", "dev")
