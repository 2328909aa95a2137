"""One round: a cluster from no hosts, an empty preview, and everything taken down again."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.timeline import Line, Span, spans

CHECKOUT = Path(__file__).resolve().parents[1]
LONGEST = 900
"""Seconds that one command may take."""


class BenchmarkError(Exception):
    """A command failed or took too long; the message has its last lines."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured, in seconds."""

    up: float
    parts: dict[str, Span]
    preview: float
    down: float


@dataclass(frozen=True, slots=True)
class Subject:
    """The stack that is measured; its state is kept in a directory of the benchmark's own."""

    stack: str
    file: Path
    state: Path

    def round(self) -> Round:
        """Makes the cluster, previews it again, takes it down. Raises `BenchmarkError`."""
        try:
            up, lines = self.timed("up")
            preview, said = self.timed("preview")
            if any(line.text.lstrip().startswith(("+", "~", "-")) for line in said):
                shown = "\n".join(line.text for line in said[-30:])
                raise BenchmarkError(f"the second preview is not empty:\n{shown}")
        finally:
            down, _ = self.timed("down", "--yes")
        return Round(up=up, parts=spans(lines), preview=preview, down=down)

    def timed(self, command: str, *options: str) -> tuple[float, list[Line]]:
        """Runs a command; gives its time and its lines, each with the moment it came."""
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
            if lines[-1].at > LONGEST:
                process.kill()
        if process.wait():
            tail = "\n".join(line.text for line in lines[-30:])
            raise BenchmarkError(f"`kubewright {command}` failed ({process.returncode}):\n{tail}")
        return time.monotonic() - start, lines
