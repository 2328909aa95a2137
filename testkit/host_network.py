"""Programs of the test machine in the network of a lab host."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from lab import network
from testkit.cluster import CHECKOUT
from testkit.process import run, running


def run_program(lab: str, host: str, *words: str | Path) -> AbstractContextManager[subprocess.Popen[str]]:
    """Run a program in the network of a lab host. Kill it after the block."""
    namespace = network.NAMESPACES / network.host_namespace(lab, host)
    return running(["nsenter", f"--net={namespace}", "--", *words], cwd=CHECKOUT)


def run_module(
    lab: str, host: str, module: str, *words: str
) -> AbstractContextManager[subprocess.Popen[str]]:
    """Run a Python module in the network of a lab host. Kill it after the block."""
    return run_program(lab, host, sys.executable, "-m", module, *words)


def ip(lab: str, host: str, words: Sequence[str]) -> Any:  # noqa: ANN401 - JSON
    """Return the output of ip(8) in the network of a lab host."""
    namespace = network.host_namespace(lab, host)
    return json.loads(run(["ip", "-j", "-n", namespace, *words], timeout=10).stdout)
