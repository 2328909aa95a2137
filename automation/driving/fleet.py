"""Several stacks side by side: each prepared, driven, reported; one that fails holds up no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from rich.table import Table

from artifacts.errors import ArtifactError
from automation.console import console
from automation.driving import events as log
from automation.driving.driver import Action, Code, Result
from automation.driving.events import Event
from automation.engine import interrupts
from automation.errors import UserError
from lab.errors import LabError

Work = Callable[[str], Result]
"""Drives the stack of that name; raises what a user can mend."""


@dataclass
class EventLog:
    """A file of JSON lines: `stack`, `time` (seconds since 1970), `kind`, and the event's own fields.

    Nothing secret is in it. It is made anew, readable by its owner alone. Without a path it is none.
    """

    path: Path | None
    _file: TextIO | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, stack: str, event: Event) -> None:
        """Adds a line."""
        if self._file is not None:
            text = log.line(event, stack=stack, time=round(time.time(), 3))
            with self._lock:
                self._file.write(text + "\n")
                self._file.flush()

    def __enter__(self) -> Self:
        if self.path is not None:
            try:
                self.path.unlink(missing_ok=True)
                self.path.touch(mode=0o600)
                self._file = self.path.open("w")
            except OSError as error:
                raise UserError(f"--events: {self.path}: cannot be written: {error.strerror}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


def drive_all(
    stacks: Sequence[str], action: Action, work: Work, *, jobs: int, keep: bool = False
) -> list[Result]:
    """Drives all of them, `jobs` at a time; results in the stacks' order. `keep`: see `driving.run`.

    Asked to end by a signal, engines finish what they have begun, and no other is begun.
    """
    with interrupts.passed_on():
        if len(stacks) == 1 and not keep:
            return [_started(work, stacks[0]).result()]
        with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
            futures = [pool.submit(_kept, work, stack, action) for stack in stacks]
            return [future.result() for future in futures]


def _started(work: Work, stack: str) -> Future[Result]:
    """One stack in a thread of its own: what it raises is raised."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work(stack))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name=stack).start()
    return future


def _kept(work: Work, stack: str, action: Action) -> Result:
    """One of several: what a user can mend is its result."""
    try:
        return work(stack)
    except (UserError, ArtifactError, LabError) as error:
        return Result(stack=stack, action=action, code=Code.FAILED, errors=(str(error),))


def exit_code(results: Iterable[Result], *, detailed: bool) -> int:
    """1 when a stack failed; else 0, or 2 when `detailed` and there are changes."""
    codes = {result.code for result in results}
    if Code.FAILED in codes:
        return 1
    return 2 if detailed and Code.CHANGES in codes else 0


def summary(results: Sequence[Result]) -> None:
    """Prints a table of what came of each."""
    table = Table("stack", "", "create", "change", "replace", "delete", "unchanged", "seconds", "errors")
    for result in results:
        counts = [
            str(sum(result.changes.get(name, 0) for name in names) or "")
            for names in (("create",), ("update",), ("replace",), ("delete",), ("same",))
        ]
        errors = "\n".join(result.errors)
        table.add_row(result.stack, result.code.value, *counts, f"{result.seconds:.0f}", errors)
    console().print(table)
