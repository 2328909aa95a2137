"""Runs e2e.test through ginkgo and follows its progress.

Every test process sends a message to a server on loopback when a spec ends. ginkgo prints the names of specs
that have run for a while. The complete results are in ginkgo's JSON report, which ginkgo writes at its end,
also after an interrupt.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
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
_REPEATED_DOTS = re.compile(r"([S•])\1+")
_POLL_INTERVAL = 0.5


@dataclass(slots=True)
class Tally:
    """The progress of a run: counts of specs, and the specs that are known to run now."""

    total: int
    passed: int = 0
    failed: int = 0
    running: dict[str, None] = field(default_factory=dict)
    last: str = ""

    def finish(self, spec: str, state: State) -> None:
        """Count a spec that ended."""
        if state is State.PASSED:
            self.passed += 1
        else:
            self.failed += 1
        self.running.pop(spec, None)
        self.last = spec

    def observe(self, line: str) -> None:
        """Read a line of ginkgo's output, which can name a spec that runs."""
        match = _LONG_RUNNING.match(line)
        if match:
            self.running[match["name"]] = None

    @property
    def line(self) -> str:
        """Return the progress as one line of text."""
        done = self.passed + self.failed
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


def parse_message(body: bytes, specs: frozenset[str]) -> Result | None:
    """Return the result of a spec from a message of e2e.test; None for other messages."""
    try:
        message = str(json.loads(body)["msg"])
    except (ValueError, KeyError, TypeError):
        return None
    for word, state in (("PASSED ", State.PASSED), ("FAILED ", State.FAILED)):
        if message.startswith(word) and message.removeprefix(word) in specs:
            return Result(message.removeprefix(word), state)
    return None


@contextmanager
def progress_server(on_result: Callable[[Result], None], specs: Sequence[str]) -> Iterator[str]:
    """Receive messages of e2e.test until the block ends. Yield the URL for `--progress-report-url`."""
    known = frozenset(specs)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            result = parse_message(self.rfile.read(int(self.headers.get("Content-Length") or 0)), known)
            if result is not None:
                on_result(result)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of a run."""

    ginkgo: Path
    tests: Path
    kubectl: Path


def command(
    programs: Programs, specs: Sequence[str], *, kubeconfig: Path, parallel: int, directory: Path, url: str
) -> list[str]:
    """Return the command that runs the specs. Raise UserError if they are too many for a command."""
    return [
        str(programs.ginkgo),
        *(f"--procs={parallel}", "--no-color", "--timeout=24h"),
        *("--poll-progress-after=60s", "--poll-progress-interval=120s"),
        *(f"--output-dir={directory}", f"--json-report={JSON_REPORT}"),
        *focus_arguments(specs),
        str(programs.tests),
        "--",
        *(f"--kubeconfig={kubeconfig}", f"--kubectl-path={programs.kubectl}", "--provider=skeleton"),
        *(f"--progress-report-url={url}", "--disable-log-dump"),
    ]


@dataclass(slots=True)
class GinkgoProcess:
    """A running ginkgo with its test processes, in a session of its own."""

    popen: subprocess.Popen[str]
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
        return cls(popen)

    def wait(self) -> int:
        """Wait until ginkgo ends and return its exit code. A signal to this process interrupts ginkgo."""
        with _signals(self.interrupt):
            while self.popen.poll() is None:
                time.sleep(_POLL_INTERVAL)
        return self.popen.returncode

    def interrupt(self) -> None:
        """Interrupt ginkgo, so that running specs clean up; at the second call kill ginkgo."""
        self.interrupts += 1
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
            file.flush()
            on_line(line)
