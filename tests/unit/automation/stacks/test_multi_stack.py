"""Tests of several stacks: order, failures, exit codes, event log, and stacks in use."""

from __future__ import annotations

import json
import stat
import threading
import time
from pathlib import Path

import pytest

from automation.engine.locks import StackInUse
from automation.errors import UserError
from automation.stacks import driver, events, multi_stack
from automation.stacks.display import PlainDisplay
from automation.stacks.events import Message, Step, Summary
from automation.stacks.result import Action, Outcome, Result


def result_of(stack: str, outcome: Outcome = Outcome.NOTHING) -> Result:
    return Result(stack=stack, action=Action.PREVIEW, outcome=outcome)


def test_failing_stack_does_not_stop_the_others() -> None:
    def work(stack: str) -> Result:
        if stack == "b":
            raise UserError("b: wrong")
        return result_of(stack)

    results = multi_stack.run_all(["a", "b", "c"], Action.PREVIEW, work, jobs=2)
    assert [(each.stack, each.outcome) for each in results] == [
        ("a", Outcome.NOTHING),
        ("b", Outcome.FAILED),
        ("c", Outcome.NOTHING),
    ]
    assert results[1].errors == ("b: wrong",)


def test_error_of_a_single_stack_is_raised_unless_kept() -> None:
    def work(stack: str) -> Result:
        raise UserError("wrong")

    with pytest.raises(UserError, match="wrong"):
        multi_stack.run_all(["a"], Action.UP, work, jobs=1)
    (failed_result,) = multi_stack.run_all(["a"], Action.UP, work, jobs=1, keep_errors=True)
    assert failed_result.outcome is Outcome.FAILED


@pytest.mark.parametrize("jobs", [1, 2])
def test_at_most_jobs_stacks_run_at_a_time(jobs: int) -> None:
    lock, now, maximum = threading.Lock(), [0], [0]

    def work(stack: str) -> Result:
        with lock:
            now[0] += 1
            maximum[0] = max(maximum[0], now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1
        return result_of(stack)

    multi_stack.run_all(list("abcdef"), Action.UP, work, jobs=jobs)
    assert maximum[0] == jobs


@pytest.mark.parametrize(
    ("codes", "plain", "detailed"),
    [
        ([], 0, 0),
        ([Outcome.NOTHING], 0, 0),
        ([Outcome.NOTHING, Outcome.CHANGES], 0, 2),
        ([Outcome.CHANGES, Outcome.FAILED], 1, 1),
    ],
)
def test_exit_codes(codes: list[Outcome], plain: int, detailed: int) -> None:
    results = [result_of("x", code) for code in codes]
    assert multi_stack.exit_code(results, detailed=False) == plain
    assert multi_stack.exit_code(results, detailed=True) == detailed


def test_event_log_can_be_parsed(tmp_path: Path) -> None:
    path = tmp_path / "events"
    logged_events: list[events.Event] = [
        Step(
            operation="update",
            phase="plan",
            urn="u::n",
            type="t",
            old={"a": 1},
            new={"a": 2},
            paths={"a": "update"},
        ),
        Message(severity="error", text="x"),
        Summary(changes={"update": 1}, seconds=3),
    ]
    with multi_stack.EventLog(path) as log:
        for event in logged_events:
            log.write("dev", event)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = path.read_text().splitlines()
    assert json.loads(lines[0])["stack"] == "dev"
    assert list(events.parse_json_lines(lines)) == logged_events
    with pytest.raises(UserError, match="line 1 is not a line of an event log"):
        list(events.parse_json_lines(["{}"]))


def test_event_log_write_error_does_not_stop_the_stacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test a full disk at the first event."""
    continued = []

    def work() -> None:
        with multi_stack.EventLog(tmp_path / "events") as log:
            log.write("dev", Message(severity="error", text="x"))
            log.write("dev", Message(severity="error", text="y"))
            continued.append(True)

    real = Path.open
    monkeypatch.setattr(Path, "open", lambda _, mode: real(Path("/dev/full"), mode))
    with pytest.raises(UserError, match=r"--events: .*/events: cannot be written: No space left on device"):
        work()
    assert continued


def test_stack_in_use_is_retried_until_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "_RETRY_INTERVAL", 0.01)
    attempts = []

    def work() -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise StackInUse("in use")

    driver.retry_while_in_use(work, 5)
    assert len(attempts) == 3
    attempts.clear()
    with pytest.raises(StackInUse):
        driver.retry_while_in_use(work, 0)
    assert len(attempts) == 1


def test_lines_of_several_stacks_name_their_stack() -> None:
    lines: list[str] = []
    shown = PlainDisplay(multiple_stacks=True, write=lines.append)
    shown.show_line("a", "a line of the engine")
    shown.show_event("a", Step(operation="update", phase="done", urn="u::w-1-node", type="t"))
    shown.show_event("a", Step(operation="same", phase="done", urn="u::w-2-node", type="t"))
    shown.show_event("b", Message(severity="warning", text="one\ntwo"))
    shown.finish(result_of("b"))
    assert lines == [
        "a: update w-1-node: done",
        "b: warning: one",
        "b: two",
        "b: preview: nothing to do (0 s)",
    ]
