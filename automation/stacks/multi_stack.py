"""Several stacks side by side: each prepared, driven, reported; one that fails holds up no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from rich.table import Table

from artifacts.errors import ArtifactError
from automation.console import console
from automation.engine.interrupts import run_interruptible
from automation.errors import UserError
from automation.stacks import events as log
from automation.stacks.driver import Action, Outcome, Result
from automation.stacks.events import Event
from lab.errors import LabError

RunStack = Callable[[str], Result]
"""Drives the stack of that name; raises what a user can mend."""


@dataclass
class EventLog:
    """A file of JSON lines: `stack`, `time` (seconds since 1970), `kind`, and the event's own fields.

    Nothing secret is in it. It is made anew, readable by its owner alone. Without a path it is none. When it
    can no longer be written, the stacks' work goes on, and its end raises `UserError`.
    """

    path: Path | None
    _file: TextIO | None = None
    _failure: OSError | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, stack: str, event: Event) -> None:
        """Adds a line."""
        if self._file is None or self._failure is not None:
            return
        text = log.format_json_line(event, stack=stack, time=round(time.time(), 3))
        with self._lock:
            try:
                self._file.write(text + "\n")
                self._file.flush()
            except OSError as failure:
                self._failure = failure

    def __enter__(self) -> Self:
        if self.path is not None:
            try:
                self.path.unlink(missing_ok=True)
                self.path.touch(mode=0o600)
                self._file = self.path.open("w")
            except OSError as failure:
                raise self._unwritten(failure) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError as failure:
                self._failure = failure
        if self._failure is not None and error is None:
            raise self._unwritten(self._failure)

    def _unwritten(self, failure: OSError) -> UserError:
        return UserError(f"--events: {self.path}: cannot be written: {failure.strerror}")


def run_all(
    stacks: Sequence[str], action: Action, work: RunStack, *, jobs: int, keep: bool = False
) -> list[Result]:
    """Drives all of them, `jobs` at a time; results in the stacks' order. `keep`: see `driving.run`.

    Signals reach the engines as `automation.engine.interrupts` says.
    """
    futures = run_interruptible([partial(work, stack) for stack in stacks], jobs=jobs)
    if len(stacks) == 1 and not keep:
        return [futures[0].result()]
    return [_kept(future, stack, action) for future, stack in zip(futures, stacks, strict=True)]


def _kept(future: Future[Result], stack: str, action: Action) -> Result:
    """One of several: what a user can mend is its result."""
    try:
        return future.result()
    except (UserError, ArtifactError, LabError) as error:
        return Result(stack=stack, action=action, code=Outcome.FAILED, errors=(str(error),))


def exit_code(results: Iterable[Result], *, detailed: bool) -> int:
    """1 when a stack failed; else 0, or 2 when `detailed` and there are changes."""
    codes = {result.code for result in results}
    if Outcome.FAILED in codes:
        return 1
    return 2 if detailed and Outcome.CHANGES in codes else 0


def summary(results: Sequence[Result]) -> None:
    """Prints a table of what came of each."""
    table = Table("stack", "result", "create", "change", "replace", "delete", "unchanged", "seconds", "errors")
    for result in results:
        counts = [
            str(sum(result.changes.get(name, 0) for name in names) or "")
            for names in (("create",), ("update",), ("replace",), ("delete",), ("same",))
        ]
        errors = "\n".join(result.errors)
        table.add_row(result.stack, result.code.value, *counts, f"{result.seconds:.0f}", errors)
    console().print(table)
