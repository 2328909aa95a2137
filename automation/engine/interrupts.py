"""Handles signals to the driver: interrupts engines once, and ends waiting and preparation immediately.

SIGINT (Ctrl-C, GitHub's cancel), SIGTERM (GitLab, a machine that shuts down) and SIGHUP (a closed terminal)
have the same effect. After the first signal, engines finish the operations that they have started. The
second signal kills the engines. Work runs in threads and the main thread only handles signals, so no code
is interrupted at an arbitrary point.
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
"""Seconds between the interrupt of an engine and the kill. The engine finishes running operations."""
ABANDON_TIMEOUT = 5.0
"""Seconds that work outside the engine has after a signal. After them the work is abandoned. Such work can
safely be killed at any point.
"""

_POLL_INTERVAL = 0.5
"""Maximum seconds that the main thread waits without running Python code.

The interpreter runs signal handlers only between two operations of the main thread. A signal that arrives
just before the main thread begins to wait would stay unhandled until the wait ends.
"""
_REPEAT_WINDOW = 1.0
"""Seconds in which several signals count as one. A process can receive the same signal through its process
group and from its parent.
"""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_RESUME_HINT = "run the same command again to continue"

_T = TypeVar("_T")


class Interrupted(UserError):
    """Error for work that a signal ended. The text names the signal and the state of the work."""


class Shutdown:
    """The shutdown request of this process, and the running engines that a signal interrupts.

    `interruptible` is true when the main thread handles signals (`run_interruptible`). `abandoned` is true
    after `abandon`: the process then ends without waiting for its threads.
    """

    def __init__(self, *, interruptible: bool) -> None:
        self.abandoned = False
        self._interruptible = interruptible
        self._requested = threading.Event()
        self._signal = ""
        self._signal_count = 0
        self._last_signal = 0.0
        # Time of the last signal, or of the end of the last engine.
        self._last_change = 0.0
        self._lock = threading.Lock()
        self._running: set[EngineProcess] = set()

    @property
    def requested(self) -> bool:
        """Whether this process has received a signal that requests its shutdown."""
        return self._requested.is_set()

    def raise_if_requested(self) -> None:
        """Raise `Interrupted` when a shutdown was requested."""
        if self._requested.is_set():
            raise Interrupted(f"interrupted ({self._signal}); nothing else was started")

    def pause(self, seconds: float) -> None:
        """Wait for a number of seconds. Raise `Interrupted` as soon as a shutdown is requested."""
        self._requested.wait(seconds)
        self.raise_if_requested()

    @contextmanager
    def start_engine(self, command_line: Sequence[str], **options: Any) -> Iterator[EngineProcess]:  # noqa: ANN401 - Popen's
        """Start an engine process for the duration of the context. The caller waits until the engine ends.

        If a shutdown was requested before, raise `Interrupted` and do not start the engine. If a signal
        interrupts the running engine, raise `Interrupted` when the engine has ended.
        """
        self.raise_if_requested()
        process = EngineProcess(command_line, new_session=self._interruptible, **options)
        with self._lock:
            self._running.add(process)
        try:
            if self._requested.is_set():
                process.interrupt(INTERRUPT_TIMEOUT)
            yield process
        finally:
            process.close()
            for pipe in (process.popen.stdout, process.popen.stderr):
                if pipe is not None:
                    pipe.close()
            with self._lock:
                self._running.discard(process)
                self._last_change = time.monotonic()
        if process.interrupted and process.popen.returncode and self._requested.is_set():
            state = "running operations were killed" if process.killed else "running operations were finished"
            raise Interrupted(f"interrupted ({self._signal}): {state}; {_RESUME_HINT}")

    def handle_signal(self, number: signal.Signals) -> None:
        """Interrupt the running engines after the first signal. Kill them after the second signal."""
        now = time.monotonic()
        with self._lock:
            if self._signal_count and now - self._last_signal < _REPEAT_WINDOW:
                return
            self._signal_count += 1
            is_second_signal = self._signal_count > 1
            self._signal = self._signal or number.name
            self._last_signal = self._last_change = now
            self._requested.set()
            running = list(self._running)
        if running:
            _print_notice(number, is_second_signal=is_second_signal)
        for process in running:
            if is_second_signal:
                process.force_stop()
            else:
                process.interrupt(INTERRUPT_TIMEOUT)

    @property
    def should_abandon(self) -> bool:
        """Whether the remaining work must be abandoned.

        The result is True if a shutdown was requested, no engine runs, and either a second signal has arrived
        or the work has not ended `ABANDON_TIMEOUT` seconds after the signal or the end of the last engine.
        """
        if not self._requested.is_set():
            return False
        with self._lock:
            idle = not self._running
            return idle and (self._signal_count > 1 or time.monotonic() - self._last_change > ABANDON_TIMEOUT)

    def abandon(self, futures: Sequence[Future[_T]]) -> None:
        """Abandon the remaining work: set an error in its futures, terminate its child processes, and do not
        wait for its threads.
        """
        self.abandoned = True
        error = Interrupted(f"interrupted ({self._signal}) during preparation; {_RESUME_HINT}")
        # Before the child processes end: work whose child process has ended can return a result.
        for future in futures:
            _set_result(future, error=error)
        terminate_children()


_current = Shutdown(interruptible=False)
_abandoned = False


def current_shutdown() -> Shutdown:
    """Return the shutdown request of the work that currently runs in this process."""
    return _current


def run_one(work: Callable[[], _T]) -> _T:
    """Run one function and handle signals until it ends (see `run_interruptible`).

    Return the result of the function or raise its error.
    """
    return run_interruptible([work], jobs=1)[0].result()


def run_interruptible(functions: Sequence[Callable[[], _T]], *, jobs: int) -> list[Future[_T]]:
    """Run the functions in threads, `jobs` at a time, and handle signals until all functions have ended.

    Return their futures in the order of the functions. The caller must be the main thread.
    """
    global _current, _abandoned
    futures: list[Future[_T]] = [Future() for _ in functions]
    signal_queue: queue.SimpleQueue[signal.Signals | None] = queue.SimpleQueue()
    previous, _current = _current, Shutdown(interruptible=True)
    try:
        with _signals_to(signal_queue):
            pending_indexes: queue.SimpleQueue[int] = queue.SimpleQueue()
            for number in range(len(functions)):
                pending_indexes.put(number)
            for _ in range(min(jobs, len(functions))):
                threading.Thread(
                    target=_run_pending_functions,
                    args=(functions, futures, pending_indexes, signal_queue),
                    daemon=True,
                ).start()
            _handle_signals(_current, futures, signal_queue)
            _abandoned = _abandoned or _current.abandoned
    finally:
        # Abandoned work must not start new work while this process ends.
        if not _current.abandoned:
            _current = previous
    return futures


def exit_if_abandoned(code: int) -> None:
    """End this process immediately with the exit code `code` if it has abandoned work.

    A normal exit would wait for the threads that still run the abandoned work.
    """
    if _abandoned:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _run_pending_functions(
    functions: Sequence[Callable[[], _T]],
    futures: Sequence[Future[_T]],
    pending_indexes: queue.SimpleQueue[int],
    signal_queue: queue.SimpleQueue[signal.Signals | None],
) -> None:
    """Run functions whose indexes are in the queue until the queue is empty. Set the result of each future.

    Put None into `signal_queue` after each function, so that the main thread checks the futures.
    """
    while True:
        try:
            number = pending_indexes.get_nowait()
        except queue.Empty:
            return
        try:
            _current.raise_if_requested()
            result = functions[number]()
        except BaseException as error:
            _set_result(futures[number], error=error)
        else:
            _set_result(futures[number], result)
        signal_queue.put(None)


def _handle_signals(
    shutdown: Shutdown, futures: Sequence[Future[_T]], signal_queue: queue.SimpleQueue[signal.Signals | None]
) -> None:
    """Handle signals until all futures are done. Abandon the remaining work when it does not end in time."""
    while not all(future.done() for future in futures):
        try:
            received = signal_queue.get(timeout=_POLL_INTERVAL)
        except queue.Empty:
            received = None
        if received is not None:
            shutdown.handle_signal(received)
        if shutdown.should_abandon:
            shutdown.abandon(futures)


def _set_result(future: Future[_T], result: _T | None = None, *, error: BaseException | None = None) -> None:
    """Set the result or the error of a future.

    A future whose work was abandoned already has an error. This function does not change such a future.
    """
    try:
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None is a valid result
    except InvalidStateError:
        return


@contextmanager
def _signals_to(signal_queue: queue.SimpleQueue[signal.Signals | None]) -> Iterator[None]:
    """Put every signal that this process receives during the context into `signal_queue`.

    The process still ignores the signals that its parent process set to be ignored (nohup).
    """

    def enqueue_signal(number: int, _: object) -> None:
        # A signal handler can interrupt any code, so the handler only puts the signal into the queue.
        signal_queue.put(signal.Signals(number))

    handled = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    previous = {each: signal.signal(each, enqueue_signal) for each in handled}
    try:
        yield
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)


def _print_notice(number: signal.Signals, *, is_second_signal: bool) -> None:
    """Print to standard error what the received signal does to the running engines."""
    action = (
        "killing the engine now"
        if is_second_signal
        else f"the engine finishes its running operations, in at most {INTERRUPT_TIMEOUT:.0f} s; "
        "a second signal kills it now"
    )
    print(f"kubewright: {number.name}: {action}", file=sys.stderr)
