"""Runs e2e.test through ginkgo and follows its output.

ginkgo prints each spec that ends, and the names of specs that have run for a while. The complete results are
in ginkgo's JSON report, which ginkgo writes at its end, also after an interrupt.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from automation.conformance.results import Result, State
from automation.errors import UserError

JSON_REPORT = "ginkgo.json"
OUTPUT = "output.log"
INTERRUPT_GRACE = 300.0
"""Seconds that running specs have after an interrupt to clean up."""

_MAX_ARGUMENT = 120_000
"""Bytes of one argument; Linux allows 128 KiB."""
_MAX_ARGUMENTS = 1_500_000
"""Bytes of all arguments; Linux allows 2 MiB with the environment."""
_SUITE = "Kubernetes e2e suite"
_LONG_RUNNING = re.compile(r"^\s*(?P<name>\[sig-.+?) \(Spec Runtime: ")
_ENDED = re.compile(r"^[•S] (?:\[(?P<word>[A-Z]+)!?\] )?\[(?P<seconds>[\d.]+) seconds\]$")
_FAILED_NODE = re.compile(
    r"(?:^TOP-LEVEL )?\[(?:It|(?:Just)?(?:Before|After)Each|(?:Before|After)All|DeferCleanup \(\w+\))\] "
)
"""The kind of the node that failed, which ginkgo inserts into the name of the spec."""
_STATES = {
    "": State.PASSED,
    "SKIPPED": State.SKIPPED,
    "INTERRUPTED": State.NOT_RUN,
    "ABORTED": State.NOT_RUN,
}
"""States by the word in ginkgo's output; all other words are failures."""
_REPEATED_DOTS = re.compile(r"([S•])\1+")
_POLL_INTERVAL = 0.5
_READ_TIMEOUT = 30.0
"""Seconds to wait for the last output after the end of ginkgo."""


@dataclass(slots=True)
class Tally:
    """The progress of a run: counts of specs, and the specs that are known to run now."""

    total: int
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    running: dict[str, None] = field(default_factory=dict)
    last: str = ""
    _ended: set[str] = field(default_factory=set)

    def finish(self, spec: str, state: State) -> None:
        """Count a spec that ended."""
        if state is State.PASSED:
            self.passed += 1
        elif state is State.SKIPPED:
            self.skipped += 1
        else:
            self.failed += 1
        self.running.pop(spec, None)
        self._ended.add(spec)
        self.last = spec

    def observe(self, line: str) -> None:
        """Read a line of ginkgo's output, which can name a spec that runs.

        The output of a spec that ended repeats these lines.
        """
        match = _LONG_RUNNING.match(line)
        if match and match["name"] not in self._ended:
            self.running[match["name"]] = None

    @property
    def line(self) -> str:
        """Return the progress as one line of text."""
        done = self.passed + self.failed + self.skipped
        text = f"{done} of {self.total} specs done, {self.failed} failed, {self.total - done} left"
        if self.running:
            *others, current = self.running
            return f"{text}; now {current}" + (f" and {len(others)} more" if others else "")
        return f"{text}; last {self.last}" if self.last else text


def focus_arguments(specs: Sequence[str]) -> list[str]:
    """Return the options that select exactly these specs.

    Raise UserError if they are too many for a command.
    """
    names = [_escape(spec) for spec in specs]
    groups: list[list[str]] = []
    size = _MAX_ARGUMENT
    for name in names:
        if size + len(name.encode()) > _MAX_ARGUMENT:
            groups.append([])
            size = 0
        groups[-1].append(name)
        size += len(name.encode()) + 1
    arguments = [f"--focus=^{re.escape(_SUITE)} (?:{'|'.join(group)})$" for group in groups]
    if sum(len(argument.encode()) for argument in arguments) > _MAX_ARGUMENTS:
        raise UserError(f"{len(specs)} specs are too many for one run; select fewer with --focus or --skip")
    return arguments


def _escape(name: str) -> str:
    """Return a name as a regular expression of Go, which does not accept every escape of Python."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", name)


class OutputReader:
    """Reader of ginkgo's verbose output, which finds the specs that ended.

    With several processes, the output of a spec begins with a line such as `• [FAILED] [1.2 seconds]` and the
    name of the spec. With one process, the name comes first and the line last.
    """

    def __init__(self, specs: Iterable[str], on_result: Callable[[Result], None]) -> None:
        self._specs = frozenset(specs)
        self._on_result = on_result
        self._current = ""
        self._header: re.Match[str] | None = None

    def read(self, line: str) -> None:
        """Read the next line. Call `on_result` if the line completes the result of a spec."""
        line = line.rstrip("\n")
        if self._header is not None:
            header, self._header = self._header, None
            spec = self._spec_in(line) or self._current
            state = _STATES.get(header["word"] or "", State.FAILED)
            self._current = ""
            if spec and state is not State.NOT_RUN:
                self._on_result(Result(spec, state, round(float(header["seconds"]), 1)))
            return
        self._header = _ENDED.match(line)
        if self._header is None:
            self._current = self._spec_in(line) or self._current

    def _spec_in(self, line: str) -> str:
        """Return the spec whose name is on a line, which ends with labels; empty if there is none."""
        text = _FAILED_NODE.sub("", line)
        if not text.startswith("[sig-"):
            return ""
        while text and text not in self._specs:
            text = text.rpartition(" [")[0]
        return text


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of a run."""

    ginkgo: Path
    tests: Path
    kubectl: Path


def command(
    programs: Programs, specs: Sequence[str], *, kubeconfig: Path, parallel: int, directory: Path
) -> list[str]:
    """Return the command that runs the specs. Raise UserError if they are too many for a command."""
    return [
        str(programs.ginkgo),
        *(f"--procs={parallel}", "-v", "--no-color", "--timeout=24h"),
        *("--poll-progress-after=60s", "--poll-progress-interval=120s"),
        *(f"--output-dir={directory}", f"--json-report={JSON_REPORT}"),
        *focus_arguments(specs),
        str(programs.tests),
        "--",
        *(f"--kubeconfig={kubeconfig}", f"--kubectl-path={programs.kubectl}", "--provider=skeleton"),
        "--disable-log-dump",
    ]


@dataclass(slots=True)
class GinkgoProcess:
    """A running ginkgo with its test processes, in its own session."""

    popen: subprocess.Popen[str]
    reader: threading.Thread
    interrupts: int = 0

    @classmethod
    def start(cls, argv: Sequence[str], directory: Path, on_line: Callable[[str], None]) -> GinkgoProcess:
        """Start ginkgo in a directory. Write its output to a file there, and pass each line to `on_line`."""
        try:
            # In the session of this process, a terminal would also send its interrupts to ginkgo.
            popen = subprocess.Popen(
                argv,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise UserError(f"{argv[0]}: cannot be started: {error.strerror}") from None
        assert popen.stdout is not None
        reader = threading.Thread(target=_copy_output, args=(popen.stdout, directory, on_line), daemon=True)
        reader.start()
        return cls(popen, reader)

    def wait(self) -> int:
        """Wait until ginkgo ends and return its exit code. A signal to this process interrupts ginkgo."""
        with _signals(self.interrupt):
            while self.popen.poll() is None:
                time.sleep(_POLL_INTERVAL)
        self.reader.join(_READ_TIMEOUT)
        return self.popen.returncode

    def interrupt(self) -> None:
        """Interrupt ginkgo, so that running specs clean up; at the second call kill ginkgo."""
        self.interrupts += 1
        notice = (
            "running specs clean up; interrupt again to end them" if self.interrupts == 1 else "ending specs"
        )
        print(f"interrupted: {notice}", file=sys.stderr, flush=True)
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGINT if self.interrupts == 1 else signal.SIGKILL)
        if self.interrupts == 1:
            timer = threading.Timer(INTERRUPT_GRACE, self.kill)
            timer.daemon = True
            timer.start()

    def kill(self) -> None:
        """Kill ginkgo and its test processes, unless they have ended."""
        if self.popen.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)


@contextmanager
def _signals(handler: Callable[[], None]) -> Iterator[None]:
    """Call `handler` for signals that end this process, until the block ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    previous = {number: signal.signal(number, lambda *_: handler()) for number in numbers}
    try:
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)


def _copy_output(stream: IO[str], directory: Path, on_line: Callable[[str], None]) -> None:
    """Write lines to the output file. ginkgo prints a character for each of thousands of unselected specs."""
    with (directory / OUTPUT).open("a") as file:
        for line in stream:
            file.write(_REPEATED_DOTS.sub(r"\1", line))
            on_line(line)
