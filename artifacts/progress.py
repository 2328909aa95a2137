"""What long work shows: a bar on a terminal, one plain line per finished step elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

Advance = Callable[[int], None]
"""Called with the number of bytes just done."""


class Progress:
    """Reports steps on standard error. `quiet` says nothing at all (tests, other programs)."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True, quiet=quiet)

    def note(self, text: str) -> None:
        """Say one line."""
        if not self._quiet:
            self._console.print(text, highlight=False, soft_wrap=True, markup=False)

    @contextmanager
    def step(self, text: str, *, total: int | None = None) -> Iterator[Advance]:
        """A step that takes a while; `total` in bytes where it is known.

        On a terminal a live line with a spinner or bar; when it ends, one line with its seconds.
        """
        started = time.monotonic()
        if self._console.is_terminal and not self._quiet:
            with self._bar(total is not None) as bar:
                task = bar.add_task(text, total=total)
                yield lambda size: bar.advance(task, size)
        else:
            yield lambda size: None
        self.note(f"{text} … {time.monotonic() - started:.0f} s")

    def _bar(self, sized: bool) -> RichProgress:
        columns = [BarColumn(), DownloadColumn()] if sized else []
        return RichProgress(
            SpinnerColumn(), TextColumn("{task.description}"), *columns, TimeElapsedColumn(),
            console=self._console, transient=True,
        )  # fmt: skip
