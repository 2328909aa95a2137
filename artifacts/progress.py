"""Progress of long work: a progress bar on a terminal, otherwise one line for each step and each minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

Advance = Callable[[int], None]
"""Callback that receives the number of bytes that were just processed."""

HEARTBEAT_INTERVAL = 60.0
"""Seconds without output after which a line is printed. CI systems end jobs that print nothing for minutes.
"""

_POLL_INTERVAL = 0.2
"""Seconds between two checks of the clock."""

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class _Step:
    """A step in progress. `started` is the time of its start, in seconds of the clock of `Progress`."""

    text: str
    started: float


class Heartbeat:
    """Timer that calls `report` from a thread when `interval` seconds have passed without a call of
    `reset`.

    Use it as a context manager around the work. `clock` returns seconds.
    """

    def __init__(
        self,
        report: Callable[[], object],
        *,
        interval: float = HEARTBEAT_INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report = report
        self._interval = interval
        self._clock = clock
        self._last_output = clock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._report_silence, daemon=True)

    def reset(self) -> None:
        """Restart the interval, because a line was printed."""
        self._last_output = self._clock()

    def __enter__(self) -> Self:
        self.reset()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def _report_silence(self) -> None:
        """Call `report` after each interval without output, until the work ends."""
        while not self._stopped.wait(min(self._interval, _POLL_INTERVAL)):
            if self._clock() - self._last_output >= self._interval:
                self._report()
                self.reset()


class Progress:
    """Printer of the steps of long work to standard error. `quiet` prints nothing (tests, other programs).

    `expect_steps` and `track` count steps, for example one for each artifact. `step` shows the current work
    within a counted step.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        console: Console | None = None,
        interval: float = HEARTBEAT_INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._quiet = quiet
        self._console = console or Console(stderr=True, quiet=quiet)
        self._interval = interval
        self._clock = clock
        self._steps: list[_Step] = []
        self._heartbeat: Heartbeat | None = None
        self._number = 0
        self._total = 0

    def expect_steps(self, steps: int) -> None:
        """Add the steps that follow to the total, so that lines say `step 2 of 31`."""
        self._total = max(self._total, self._number + steps)

    def track(self, items: Sequence[_Item]) -> Iterator[_Item]:
        """Yield the items and count the work on each item as one step."""
        self.expect_steps(len(items))
        for item in items:
            self._number += 1
            yield item

    def note(self, text: str) -> None:
        """Print a line of text, unless the progress is quiet."""
        if self._quiet:
            return
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)
        if self._heartbeat is not None:
            self._heartbeat.reset()

    @contextmanager
    def step(self, text: str, *, total: int | None = None) -> Iterator[Advance]:
        """Show the step `text` until the block ends. `total` is the size in bytes, if known.

        On a terminal show a line with a spinner or a bar. Otherwise print a line every minute. A step that
        took a second or longer ends with a line that shows its duration. If blocks are nested, only the
        innermost block is shown.
        """
        step = _Step(text, self._clock())
        with self._with_heartbeat(step):
            if self._console.is_terminal and not self._quiet:
                with self._create_bar(total is not None) as bar:
                    task = bar.add_task(self._with_step_number(text), total=total)
                    yield lambda size: bar.advance(task, size)
            else:
                yield lambda size: None
        if self._clock() - step.started >= 1:
            self.note(
                f"{self._with_step_number(text)}, done in {format_duration(self._clock() - step.started)}"
            )

    @contextmanager
    def _with_heartbeat(self, step: _Step) -> Iterator[None]:
        """Register a step for the duration of the context.

        Without a terminal, print the current step and its duration regularly until the outermost step ends.
        """
        self._steps.append(step)
        try:
            if self._heartbeat is not None or self._quiet or self._console.is_terminal:
                yield
                return
            self._heartbeat = Heartbeat(self._print_duration, interval=self._interval, clock=self._clock)
            try:
                with self._heartbeat:
                    yield
            finally:
                self._heartbeat = None
        finally:
            self._steps.remove(step)

    def _print_duration(self) -> None:
        """Print the current step and its duration so far."""
        if self._steps:
            step = self._steps[-1]
            self.note(
                f"{self._with_step_number(step.text)}, {format_duration(self._clock() - step.started)} so far"
            )

    def _with_step_number(self, text: str) -> str:
        return f"step {self._number} of {self._total}: {text}" if self._number else text

    def _create_bar(self, sized: bool) -> RichProgress:
        columns = [BarColumn(), DownloadColumn()] if sized else []
        return RichProgress(
            SpinnerColumn(), TextColumn("{task.description}", markup=False), *columns, TimeElapsedColumn(),
            console=self._console, transient=True,
        )  # fmt: skip


def format_duration(seconds: float) -> str:
    """Return a duration as short text: `42 s`, `2 min`."""
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
