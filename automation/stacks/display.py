"""What is seen of running stacks: the engine's own lines, and how far each is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from automation.stacks.driver import Result
from automation.stacks.events import Event, Message, Step


class Display(Protocol):
    """Shows stacks at work; used as a context manager. Its methods may be called from any thread."""

    def line(self, stack: str, text: str) -> None:
        """A line of the engine's."""
        ...

    def event(self, stack: str, event: Event) -> None:
        """Something happened."""
        ...

    def done(self, result: Result) -> None:
        """The stack's run is over."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def create_display(stacks: int) -> Display:
    """A live display on a terminal, else plain lines; of several stacks each line says which."""
    return LiveDisplay(stacks > 1) if sys.stdout.isatty() else PlainDisplay(stacks > 1)


class PlainDisplay:
    """The engine's lines as they come; of several stacks only what ended and what was said."""

    def __init__(self, several: bool, write: Callable[[str], object] | None = None) -> None:
        self._several = several
        self._write = write or (lambda text: print(text, flush=True))
        self._lock = threading.Lock()

    def line(self, stack: str, text: str) -> None:
        """Shown as it is, of a single stack."""
        if not self._several:
            self._say(text)

    def event(self, stack: str, event: Event) -> None:
        """Shown as a line with the stack's name, of several."""
        said = describe_event(event) if self._several else ""
        for text in said.splitlines():
            self._say(f"{stack}: {text}")

    def done(self, result: Result) -> None:
        """Says so, of several."""
        if self._several:
            self._say(f"{result.stack}: {result.action}: {result.code} ({result.seconds:.0f} s)")

    def _say(self, text: str) -> None:
        with self._lock:
            self._write(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class LiveDisplay(PlainDisplay):
    """The same, above a line for each stack: what it has done, and what it works on."""

    def __init__(self, several: bool, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        super().__init__(several, self._above)
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._tasks: dict[str, TaskID] = {}
        self._working: dict[str, dict[str, str]] = {}
        self._ended: dict[str, int] = {}

    def event(self, stack: str, event: Event) -> None:
        """Moves the stack's line on."""
        super().event(stack, event)
        if not isinstance(event, Step):
            return
        working = self._working.setdefault(stack, {})
        if event.phase == "plan":
            working[event.urn] = event.name
        else:
            working.pop(event.urn, None)
        if event.phase == "done":
            self._ended[stack] = self._ended.get(stack, 0) + 1
        with self._lock:
            if stack not in self._tasks:
                self._tasks[stack] = self._progress.add_task(stack, total=None)
            self._progress.update(self._tasks[stack], description=self._text(stack, list(working.values())))

    def done(self, result: Result) -> None:
        """Takes the stack's line away."""
        if result.stack in self._tasks:
            self._progress.remove_task(self._tasks.pop(result.stack))
        super().done(result)

    def _text(self, stack: str, working: list[str]) -> str:
        at = ", ".join(working[-3:])
        return f"{stack}: {self._ended.get(stack, 0)} done; at {at}" if at else stack

    def _above(self, text: str) -> None:
        # The engine's own colours.
        self._progress.console.print(Text.from_ansi(text), soft_wrap=True)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


def describe_event(event: Event) -> str:
    """An event in words, empty for those that nobody waits for."""
    if isinstance(event, Message):
        return f"{event.severity}: {event.text}" if event.severity in ("warning", "error") else ""
    if isinstance(event, Step) and event.operation not in ("same", "read") and event.phase != "plan":
        return f"{event.operation} {event.name}: {event.phase}"
    return ""
