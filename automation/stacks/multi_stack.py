"""Runs several stacks in parallel. A failed stack does not stop the other stacks."""

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
from automation.stacks.events import Event, format_json_line
from automation.stacks.result import Action, Outcome, Result
from lab.errors import LabError

RunStack = Callable[[str], Result]
"""A function that runs the action on the stack of that name and raises errors that the user can fix."""


@dataclass
class EventLog:
    """An event log: a file of JSON lines with `stack`, `time` (seconds since 1970), `kind` and event fields.

    The events are redacted. An existing file is replaced, and only its owner can read the file. If the path
    is None, nothing is written. When writing fails, the work on stacks continues, and the end of the context
    raises `UserError`.
    """

    path: Path | None
    _file: TextIO | None = None
    _failure: OSError | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, stack: str, event: Event) -> None:
        """Append an event."""
        if self._file is None or self._failure is not None:
            return
        text = format_json_line(event, stack=stack, time=round(time.time(), 3))
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
                raise self._write_error(failure) from None
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
            raise self._write_error(self._failure)

    def _write_error(self, failure: OSError) -> UserError:
        return UserError(f"--events: {self.path}: cannot be written: {failure.strerror}")


def run_all(
    stacks: Sequence[str], action: Action, work: RunStack, *, jobs: int, keep_errors: bool = False
) -> list[Result]:
    """Run the stacks in parallel, `jobs` at a time. Return the results in the order of the stacks.

    With several stacks, errors become failed results. With a single stack, raise its error, unless
    `keep_errors` is set. The module `automation.engine.interrupts` describes the handling of signals.
    """
    futures = run_interruptible([partial(work, stack) for stack in stacks], jobs=jobs)
    if len(stacks) == 1 and not keep_errors:
        return [futures[0].result()]
    return [_result_or_failure(future, stack, action) for future, stack in zip(futures, stacks, strict=True)]


def _result_or_failure(future: Future[Result], stack: str, action: Action) -> Result:
    """Return the result of a stack. An error that the user can fix becomes a failed result."""
    try:
        return future.result()
    except (UserError, ArtifactError, LabError) as error:
        return Result(stack=stack, action=action, outcome=Outcome.FAILED, errors=(str(error),))


def exit_code(results: Iterable[Result], *, detailed: bool) -> int:
    """Return 1 when a stack failed; otherwise 0, or 2 when `detailed` is set and there are changes."""
    outcomes = {result.outcome for result in results}
    if Outcome.FAILED in outcomes:
        return 1
    return 2 if detailed and Outcome.CHANGES in outcomes else 0


def print_summary(results: Sequence[Result]) -> None:
    """Print a table with the result of each stack."""
    table = Table(
        "stack", "result", "create", "change", "replace", "delete", "unchanged", "seconds", "errors"
    )
    for result in results:
        counts = [
            str(sum(result.changes.get(name, 0) for name in names) or "")
            for names in (("create",), ("update",), ("replace",), ("delete",), ("same",))
        ]
        errors = "\n".join(result.errors)
        table.add_row(result.stack, result.outcome.value, *counts, f"{result.seconds:.0f}", errors)
    console().print(table)
