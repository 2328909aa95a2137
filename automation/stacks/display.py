"""Displays running stacks: the lines of the engine, and the progress of each stack."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from artifacts.progress import HEARTBEAT_INTERVAL, Heartbeat
from automation.stacks.events import Event, Message, Step
from automation.stacks.result import Result

_MAX_SHOWN = 3
"""Maximum number of resources in progress that the display names."""


class Display(Protocol):
    """The interface of a display for running stacks, which is a context manager.

    All methods can be called from any thread.
    """

    def show_line(self, stack: str, text: str) -> None:
        """Show a line of the engine."""
        ...

    def show_event(self, stack: str, event: Event) -> None:
        """Show an event of the engine."""
        ...

    def finish(self, result: Result) -> None:
        """Show that the run of a stack has ended."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def create_display(stacks: int) -> Display:
    """Return a live display on a terminal, else a plain display.

    With several stacks, each line contains the name of its stack.
    """
    return LiveDisplay(stacks > 1) if sys.stdout.isatty() else PlainDisplay(stacks > 1)


class StackProgress:
    """The progress of one stack: the number of finished resources, and the resources in progress."""

    def __init__(self) -> None:
        self._in_progress: dict[str, str] = {}
        self._finished = 0

    def add(self, step: Step) -> None:
        """Record that a step has started or ended. Count the step if it was successful."""
        if step.phase == "plan":
            self._in_progress[step.urn] = step.name
        else:
            self._in_progress.pop(step.urn, None)
        self._finished += step.phase == "done"

    def __str__(self) -> str:
        names = ", ".join(list(self._in_progress.values())[-_MAX_SHOWN:])
        return f"{self._finished} done; working on {names}" if names else ""


class PlainDisplay:
    """A display that prints lines: the engine's lines for a single stack, a summary for several stacks.

    The summary consists of finished resources, warnings and errors. After each `interval` seconds without
    output, the progress of every running stack is printed.
    """

    def __init__(
        self,
        multiple_stacks: bool,
        write: Callable[[str], object] | None = None,
        *,
        interval: float = HEARTBEAT_INTERVAL,
    ) -> None:
        self._multiple_stacks = multiple_stacks
        self._write = write or (lambda text: print(text, flush=True))
        self._lock = threading.Lock()
        self._stacks: dict[str, StackProgress] = {}
        self._heartbeat = Heartbeat(self._print_progress, interval=interval)

    def show_line(self, stack: str, text: str) -> None:
        """Print the line if only one stack runs."""
        if not self._multiple_stacks:
            self._print(text)

    def show_event(self, stack: str, event: Event) -> None:
        """Record the progress of the stack. If several stacks run, print the event with the stack name."""
        if isinstance(event, Step):
            with self._lock:
                self._stacks.setdefault(stack, StackProgress()).add(event)
        description = describe_event(event) if self._multiple_stacks else ""
        for text in description.splitlines():
            self._print(f"{stack}: {text}")

    def finish(self, result: Result) -> None:
        """Print the result if several stacks run."""
        with self._lock:
            self._stacks.pop(result.stack, None)
        if self._multiple_stacks:
            self._print(f"{result.stack}: {result.action}: {result.outcome} ({result.seconds:.0f} s)")

    def _print_progress(self) -> None:
        with self._lock:
            lines = [f"{stack}: {progress}" for stack, progress in self._stacks.items() if str(progress)]
        for line in lines:
            self._print(line)

    def _print(self, text: str) -> None:
        with self._lock:
            self._write(text)
            self._heartbeat.reset()

    def __enter__(self) -> Self:
        self._heartbeat.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._heartbeat.__exit__(kind, error, trace)


class LiveDisplay(PlainDisplay):
    """A terminal display: the lines of `PlainDisplay`, and below them a live line for each running stack."""

    def __init__(self, multiple_stacks: bool, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        super().__init__(multiple_stacks, self._print_above)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._tasks: dict[str, TaskID] = {}

    def show_event(self, stack: str, event: Event) -> None:
        """Update the live line of the stack."""
        super().show_event(stack, event)
        if not isinstance(event, Step):
            return
        with self._lock:
            if stack not in self._tasks:
                self._tasks[stack] = self._progress.add_task(stack, total=None)
            text = str(self._stacks[stack])
            self._progress.update(self._tasks[stack], description=f"{stack}: {text}" if text else stack)

    def finish(self, result: Result) -> None:
        """Remove the live line of the stack."""
        with suppress(KeyError):  # a stack without events has no live line
            self._progress.remove_task(self._tasks.pop(result.stack))
        super().finish(result)

    def _print_above(self, text: str) -> None:
        # The text contains the colors of the engine.
        self._progress.console.print(Text.from_ansi(text), soft_wrap=True)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


def describe_event(event: Event) -> str:
    """Return the text to show for an event: a warning, an error, progress, or the end of a step.

    The text is empty for all other events, and for steps that read a resource or leave it unchanged.
    """
    if isinstance(event, Message):
        if event.progress:
            return event.text
        return f"{event.severity}: {event.text}" if event.severity in ("warning", "error") else ""
    if isinstance(event, Step) and event.operation not in ("same", "read") and event.phase != "plan":
        return f"{event.operation} {event.name}: {event.phase}"
    return ""
