"""One round of the benchmark of `up`: `up` on new hosts, a preview without changes, and `down`."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.timeline import OutputLine, Span, spans

CHECKOUT = Path(__file__).resolve().parents[1]
MAX_SECONDS = 900
"""Maximum duration of one command."""


class BenchmarkError(Exception):
    """The error of a command that failed or exceeded its time limit.

    The message has the last lines of the output.
    """


@dataclass(frozen=True, slots=True)
class RoundTimes:
    """Durations of `up`, of the preview and of `down` in one round, in seconds. `parts` has the parts of
    `up`.
    """

    up: float
    parts: dict[str, Span]
    preview: float
    down: float


@dataclass(frozen=True, slots=True)
class BenchmarkStack:
    """The stack that the benchmark measures. `file` is its stack file, `state` the value of
    KUBEWRIGHT_STATE.
    """

    stack: str
    file: Path
    state: Path

    def measure_round(self) -> RoundTimes:
        """Run `up`, a preview and `down`. Raise `BenchmarkError` if a command fails or the preview has
        changes.
        """
        try:
            up, lines = self.run_timed("up")
            preview, preview_lines = self.run_timed("preview")
            if any(line.text.lstrip().startswith(("+", "~", "-")) for line in preview_lines):
                shown = "\n".join(line.text for line in preview_lines[-30:])
                raise BenchmarkError(f"the second preview is not empty:\n{shown}")
        finally:
            down, _ = self.run_timed("down", "--yes")
        return RoundTimes(up=up, parts=spans(lines), preview=preview, down=down)

    def run_timed(self, command: str, *options: str) -> tuple[float, list[OutputLine]]:
        """Run `kubewright <command>`. Return its duration in seconds and its output lines with their
        times.
        """
        stack = ("--stack", self.stack, "--file", str(self.file))
        argv = [str(CHECKOUT / "kubewright"), command, *stack, *options]
        environment = os.environ | {"KUBEWRIGHT_STATE": str(self.state)}
        start = time.monotonic()
        lines: list[OutputLine] = []
        process = subprocess.Popen(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        for text in process.stdout:
            lines.append(OutputLine(time.monotonic() - start, text.rstrip("\n")))
            if lines[-1].seconds > MAX_SECONDS:
                process.kill()
        if process.wait():
            tail = "\n".join(line.text for line in lines[-30:])
            raise BenchmarkError(f"`kubewright {command}` failed ({process.returncode}):\n{tail}")
        return time.monotonic() - start, lines
