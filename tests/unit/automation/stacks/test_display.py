"""The live display: the engine's lines above, what is under way below."""

from __future__ import annotations

import io

from rich.console import Console

from automation.stacks.driver import Action, Outcome, Result
from automation.stacks.events import Step
from automation.stacks.display import LiveDisplay


def step(phase: str, name: str) -> Step:
    return Step(operation="update", phase=phase, urn=f"u::{name}", type="t")


def test_lines_stay_and_the_work_is_shown_while_it_goes_on() -> None:
    seen = io.StringIO()
    console = Console(file=seen, force_terminal=True, width=100)
    with LiveDisplay(several=False, console=console) as shown:
        shown.event("dev", step("plan", "w-1-node"))
        shown.event("dev", step("plan", "w-2-node"))
        shown.event("dev", step("done", "w-1-node"))
        shown.line("dev", "\x1b[32m + the engine's line [with brackets]\x1b[0m")
        # What is drawn now is the state after the events.
        shown._progress.refresh()
        assert "dev: 1 done; at w-2-node" in seen.getvalue()
        shown.done(Result(stack="dev", action=Action.UP, code=Outcome.CHANGES))
    assert "the engine's line [with brackets]" in seen.getvalue()


def test_a_stack_that_says_nothing_is_no_error() -> None:
    with LiveDisplay(several=True, console=Console(file=io.StringIO(), force_terminal=True)) as shown:
        shown.done(Result(stack="x", action=Action.UP, code=Outcome.FAILED))
