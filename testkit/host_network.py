"""Programs of the test machine in the network of a lab host."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import network
from testkit.cluster import CHECKOUT
from testkit.process import run


@contextmanager
def run_program(lab: str, host: str, *words: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Run a program in the network of a lab host. Kill it after the block."""
    namespace = network.NAMESPACES / network.host_namespace(lab, host)
    process = subprocess.Popen(
        ["nsenter", f"--net={namespace}", "--", *map(str, words)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def run_module(lab: str, host: str, module: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a Python module in the network of a lab host. Kill it after the block."""
    with run_program(lab, host, sys.executable, "-m", module, *words) as process:
        yield process


def ip(lab: str, host: str, words: Sequence[str]) -> Any:  # noqa: ANN401 - JSON
    """Return the output of ip(8) in the network of a lab host."""
    namespace = network.host_namespace(lab, host)
    return json.loads(run(["ip", "-j", "-n", namespace, *words], timeout=10).stdout)
