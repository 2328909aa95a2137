"""Tests of the progress display: the current step and the number of remaining steps, in each interval."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable

import pytest
from rich.console import Console

from artifacts.progress import Heartbeat, Progress, format_duration


class Clock:
    """A clock that only the test advances."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def plain_progress(output: io.StringIO, clock: Clock) -> Progress:
    return Progress(console=Console(file=output, width=200), interval=60, clock=clock)


def test_long_silent_step_prints_its_number_and_duration_every_minute() -> None:
    output, clock = io.StringIO(), Clock()
    progress = plain_progress(output, clock)
    progress.expect_steps(31)
    for item in progress.track(["containerd", "kube-apiserver"]):
        with progress.step(f"build {item}"):
            if item == "kube-apiserver":
                for minute in (1, 2):
                    clock.now = 60.0 * minute
                    wait_until(lambda minute=minute: f"{minute} min so far" in output.getvalue())  # type: ignore[misc]
                clock.now += 30
    assert output.getvalue().splitlines() == [
        "step 2 of 31: build kube-apiserver, 1 min so far",
        "step 2 of 31: build kube-apiserver, 2 min so far",
        "step 2 of 31: build kube-apiserver, done in 2 min",
    ]


def test_innermost_step_is_reported() -> None:
    output, clock = io.StringIO(), Clock()
    progress = plain_progress(output, clock)
    with progress.step("make image pause"), progress.step("build pause"):
        clock.now = 60.0
        wait_until(lambda: "so far" in output.getvalue())
    assert output.getvalue().splitlines()[0] == "build pause, 1 min so far"


def test_printed_lines_postpone_the_report() -> None:
    output, clock = io.StringIO(), Clock()
    progress = plain_progress(output, clock)
    with progress.step("boot the lab"):
        clock.now = 59.0
        progress.note("cp-1: booted")
        clock.now = 61.0
        time.sleep(0.05)
    assert output.getvalue().splitlines() == ["cp-1: booted", "boot the lab, done in 1 min"]


def test_total_grows_when_more_work_follows() -> None:
    progress = Progress(quiet=True)
    assert list(progress.track([1, 2])) == [1, 2]
    assert list(progress.track([3])) == [3]
    assert progress._with_step_number("x") == "step 3 of 3: x"


def test_quiet_progress_prints_nothing_and_starts_no_thread(capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    progress = Progress(quiet=True)
    with progress.step("build"):
        assert threading.active_count() == before
    assert capsys.readouterr() == ("", "")


def test_failed_step_stops_its_heartbeat() -> None:
    before = threading.active_count()
    progress = plain_progress(io.StringIO(), Clock())
    with pytest.raises(RuntimeError), progress.step("build"):
        raise RuntimeError
    assert threading.active_count() == before


def test_heartbeat_reports_without_output() -> None:
    reports: list[int] = []
    with Heartbeat(lambda: reports.append(1), interval=0.01):
        wait_until(lambda: len(reports) > 1)


def test_durations_are_short() -> None:
    assert [format_duration(seconds) for seconds in (0.2, 59, 60, 150)] == ["0 s", "59 s", "1 min", "2 min"]
