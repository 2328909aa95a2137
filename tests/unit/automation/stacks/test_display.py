"""Tests of the live display, which shows the engine's lines above the progress of each stack."""

from __future__ import annotations

import io
import time

from rich.console import Console

from automation.stacks.display import LiveDisplay, PlainDisplay
from automation.stacks.events import Step
from automation.stacks.result import Action, Outcome, Result


def step(phase: str, name: str) -> Step:
    return Step(operation="update", phase=phase, urn=f"u::{name}", type="t")


def test_live_display_keeps_lines_and_shows_the_current_work() -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100)
    with LiveDisplay(multiple_stacks=False, console=console) as shown:
        shown.show_event("dev", step("plan", "w-1-node"))
        shown.show_event("dev", step("plan", "w-2-node"))
        shown.show_event("dev", step("done", "w-1-node"))
        shown.show_line("dev", "\x1b[32m + the engine's line [with brackets]\x1b[0m")
        # Draw the display after the events.
        shown._progress.refresh()
        assert "dev: 1 done; working on w-2-node" in output.getvalue()
        shown.finish(Result(stack="dev", action=Action.UP, outcome=Outcome.CHANGES))
    assert "the engine's line [with brackets]" in output.getvalue()


def test_stack_without_events_can_finish() -> None:
    with LiveDisplay(multiple_stacks=True, console=Console(file=io.StringIO(), force_terminal=True)) as shown:
        shown.finish(Result(stack="x", action=Action.UP, outcome=Outcome.FAILED))


def test_plain_display_prints_the_progress_of_silent_stacks() -> None:
    lines: list[str] = []
    with PlainDisplay(multiple_stacks=True, write=lines.append, interval=0.01) as shown:
        shown.show_event("dev", step("plan", "w-1-node"))
        end = time.monotonic() + 10
        while not lines and time.monotonic() < end:
            time.sleep(0.01)
    assert lines[0] == "dev: 0 done; working on w-1-node"
