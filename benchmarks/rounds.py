"""A round of the benchmark: `up` without existing hosts, an empty preview, and `down`."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.timeline import Line, Span, spans

CHECKOUT = Path(__file__).resolve().parents[1]
MAX_SECONDS = 900
"""Maximum duration of one command."""


class BenchmarkError(Exception):
    """The error of a failed or slow command. The message has the last lines of the output."""


@dataclass(frozen=True, slots=True)
class Round:
    """Measurements of one round, in seconds."""

    up: float
    parts: dict[str, Span]
    preview: float
    down: float


@dataclass(frozen=True, slots=True)
class BenchmarkStack:
    """The stack that the benchmark measures. `state` is a directory of the benchmark."""

    stack: str
    file: Path
    state: Path

    def round(self) -> Round:
        """Create the cluster, preview it again, and destroy it. Raise `BenchmarkError` on failure."""
        try:
            up, lines = self.timed("up")
            preview, preview_lines = self.timed("preview")
            if any(line.text.lstrip().startswith(("+", "~", "-")) for line in preview_lines):
                shown = "\n".join(line.text for line in preview_lines[-30:])
                raise BenchmarkError(f"the second preview is not empty:\n{shown}")
        finally:
            down, _ = self.timed("down", "--yes")
        return Round(up=up, parts=spans(lines), preview=preview, down=down)

    def timed(self, command: str, *options: str) -> tuple[float, list[Line]]:
        """Run a command. Return its duration and its output lines with their times."""
        stack = ("--stack", self.stack, "--file", str(self.file))
        argv = [str(CHECKOUT / "kubewright"), command, *stack, *options]
        environment = os.environ | {"KUBEWRIGHT_STATE": str(self.state)}
        start = time.monotonic()
        lines: list[Line] = []
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
            lines.append(Line(time.monotonic() - start, text.rstrip("\n")))
            if lines[-1].at > MAX_SECONDS:
                process.kill()
        if process.wait():
            tail = "\n".join(line.text for line in lines[-30:])
            raise BenchmarkError(f"`kubewright {command}` failed ({process.returncode}):\n{tail}")
        return time.monotonic() - start, lines
