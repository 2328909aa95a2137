"""Tests of the result of an engine run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from automation.engine.program import Engine
from automation.stacks.engine_run import EngineRun
from automation.stacks.events import Event, Step, Summary
from automation.stacks.result import Action, Outcome, Result
from redaction.redactor import Redactor

SUMMARY = Summary(changes={"create": 1})


def step(phase: str, name: str = "cp-1-node") -> Step:
    return Step(operation="create", phase=phase, urn=f"urn:pulumi:dev::kubewright::t::{name}", type="t")


def result_of(*events: Event, failure: str = "") -> Result:
    engine = cast(Engine, SimpleNamespace(workspace=SimpleNamespace(stack="dev")))
    run = EngineRun(engine, Redactor(()), show=lambda _: None, on_event=None)
    run._events.extend(events)
    return run.build_result(Action.UP, 1.0, failure)


def test_a_failed_operation_is_a_failed_run_when_the_engine_ends_without_an_error() -> None:
    result = result_of(step("plan"), step("failed"), SUMMARY)
    assert result.outcome is Outcome.FAILED
    assert result.errors == ("failed operations: create cp-1-node; run the command again",)


@pytest.mark.parametrize("events", [(step("plan"), step("done")), (step("failed"), step("done"))])
def test_operations_that_succeed_in_the_end_are_no_failure(events: tuple[Step, ...]) -> None:
    assert result_of(*events, SUMMARY).outcome is Outcome.CHANGES


def test_the_reason_of_the_engine_has_precedence() -> None:
    assert result_of(step("failed"), SUMMARY, failure="stopped").errors == ("stopped",)
