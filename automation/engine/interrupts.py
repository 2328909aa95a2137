"""Signals to the driver: one interrupt for its engines, an end for what it waits for or prepares.

SIGINT (Ctrl-C, the cancel of GitHub), SIGTERM (of GitLab, of a machine that goes down) and SIGHUP (a terminal
that closes) mean the same. The first lets engines end what they have begun; the second ends them. Work runs
in threads, and the main thread attends to signals alone: so nothing is cut off at an arbitrary point.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager
from typing import Any, TypeVar

from automation.engine.process import EngineProcess, terminate_children
from automation.errors import UserError

INTERRUPT_TIMEOUT = 300.0
"""Seconds that an interrupted engine has for what it had begun, before it is ended."""
ABANDON_TIMEOUT = 5.0
"""Seconds for everything else; then it is left as it is: all of it may be killed at any point."""

_SAME = 1.0
"""Seconds in which several signals are one: whole groups are told, and each one once more by its parent."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ON = "the same command goes on from there"

_T = TypeVar("_T")


class Interrupted(UserError):
    """A signal ended the work; the text says which, and what became of it."""


class Shutdown:
    """Whether the work of this process is to end. `attended`: somebody looks after its signals."""

    def __init__(self, *, interruptible: bool) -> None:
        self.left = False
        self._interruptible = interruptible
        self._asked = threading.Event()
        self._signal = ""
        self._times = 0
        self._heard = 0.0
        # When a signal came or an engine ended.
        self._last = 0.0
        self._lock = threading.Lock()
        self._running: set[EngineProcess] = set()

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self._asked.is_set()

    def check(self) -> None:
        """Raises `Interrupted` when nothing more is to begin."""
        if self._asked.is_set():
            raise Interrupted(f"interrupted ({self._signal}); nothing more was begun")

    def pause(self, seconds: float) -> None:
        """Waits. Raises `Interrupted`, at once."""
        self._asked.wait(seconds)
        self.check()

    @contextmanager
    def engine(self, line: Sequence[str], **options: Any) -> Iterator[EngineProcess]:  # noqa: ANN401 - Popen's
        """Runs an engine, which the caller waits for. Raises `Interrupted` before it, or when it was told."""
        self.check()
        process = EngineProcess(line, own=self._interruptible, **options)
        with self._lock:
            self._running.add(process)
        try:
            if self._asked.is_set():
                process.interrupt(INTERRUPT_TIMEOUT)
            yield process
        finally:
            process.close()
            for pipe in (process.popen.stdout, process.popen.stderr):
                if pipe is not None:
                    pipe.close()
            with self._lock:
                self._running.discard(process)
                self._last = time.monotonic()
        if process.told and process.popen.returncode and self._asked.is_set():
            how = "; what was begun was ended" if not process.killed else " in the midst of its work"
            raise Interrupted(f"interrupted ({self._signal}){how}, {_ON}")

    def handle_signal(self, number: signal.Signals) -> None:
        """Takes a signal."""
        now = time.monotonic()
        with self._lock:
            if self._times and now - self._heard < _SAME:
                return
            self._times += 1
            again = self._times > 1
            self._signal = self._signal or number.name
            self._heard = self._last = now
            self._asked.set()
            running = list(self._running)
        if running:
            _say(number, again=again)
        for process in running:
            if again:
                process.force_stop()
            else:
                process.interrupt(INTERRUPT_TIMEOUT)

    @property
    def waits_in_vain(self) -> bool:
        """Whether it was asked to end, and what goes on is no engine's work and does not end by itself."""
        if not self._asked.is_set():
            return False
        with self._lock:
            idle = not self._running
            return idle and (self._times > 1 or time.monotonic() - self._last > ABANDON_TIMEOUT)

    def leave(self) -> Interrupted:
        """Gives up what goes on; what it started ends. The error that says so."""
        self.left = True
        terminate_children()
        return Interrupted(f"interrupted ({self._signal}) while it was prepared, {_ON}")


_current = Shutdown(interruptible=False)
_left = False


def current() -> Shutdown:
    """Whether the work at hand is to end."""
    return _current


def run_one(work: Callable[[], _T]) -> _T:
    """Does one work as `attended` does; returns what it does, or raises that."""
    return run_interruptible([work], jobs=1)[0].result()


def run_interruptible(works: Sequence[Callable[[], _T]], *, jobs: int) -> list[Future[_T]]:
    """Does the works in threads, `jobs` at a time, and attends to signals until all are over.

    Returns what became of each, in their order. Must be called in the main thread.
    """
    global _current, _left
    futures: list[Future[_T]] = [Future() for _ in works]
    inbox: queue.SimpleQueue[signal.Signals | None] = queue.SimpleQueue()
    before, _current = _current, Shutdown(interruptible=True)
    try:
        with _delivered(inbox):
            order: queue.SimpleQueue[int] = queue.SimpleQueue()
            for number in range(len(works)):
                order.put(number)
            for _ in range(min(jobs, len(works))):
                threading.Thread(target=_work, args=(works, futures, order, inbox), daemon=True).start()
            _attend(_current, futures, inbox)
            _left = _left or _current.left
    finally:
        # What was left must begin nothing more while this process ends.
        if not _current.left:
            _current = before
    return futures


def exit_if_abandoned(code: int) -> None:
    """Ends this process at once with that code when work was left that would hold up its end."""
    if _left:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _work(
    works: Sequence[Callable[[], _T]],
    futures: Sequence[Future[_T]],
    order: queue.SimpleQueue[int],
    inbox: queue.SimpleQueue[signal.Signals | None],
) -> None:
    while True:
        try:
            number = order.get_nowait()
        except queue.Empty:
            return
        try:
            _current.check()
            result = works[number]()
        except BaseException as error:
            _settle(futures[number], error=error)
        else:
            _settle(futures[number], result)
        inbox.put(None)


def _attend(
    stop: Shutdown, futures: Sequence[Future[_T]], inbox: queue.SimpleQueue[signal.Signals | None]
) -> None:
    while not all(future.done() for future in futures):
        try:
            heard = inbox.get(timeout=0.5 if stop.asked else None)
        except queue.Empty:
            heard = None
        if heard is not None:
            stop.handle_signal(heard)
        if stop.waits_in_vain:
            error = stop.leave()
            for future in futures:
                _settle(future, error=error)


def _settle(future: Future[_T], result: _T | None = None, *, error: BaseException | None = None) -> None:
    """Says what became of it; of one that was left meanwhile that is said already."""
    try:
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None is a result, too
    except InvalidStateError:
        return


@contextmanager
def _delivered(inbox: queue.SimpleQueue[signal.Signals | None]) -> Iterator[None]:
    """Signals go into the box; those that whoever started this wants ignored (nohup) stay so."""

    def put(number: int, _: object) -> None:
        # Of a handler nothing else is safe: it may stand in the midst of anything.
        inbox.put(signal.Signals(number))

    wanted = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, put) for each in wanted}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _say(number: signal.Signals, *, again: bool) -> None:
    what = (
        "ending the engine now"
        if again
        else f"the engine ends what it has begun, in at most {INTERRUPT_TIMEOUT:.0f} s; once more ends it now"
    )
    print(f"kubewright: {number.name}: {what}", file=sys.stderr)
