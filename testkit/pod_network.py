"""Programs of the test machine in the network of a pod."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testkit.cluster import CHECKOUT
from testkit.process import running

_SCRIPT = """\
set -eu
mount --bind "$1" /etc/resolv.conf
shift
exec "$@"
"""


@contextmanager
def run_module(marker: str, module: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Run a Python module in the network of a pod and with its /etc/resolv.conf. Kill it after the block.

    The pod must run `sleep` with the argument `marker`, which no other process has.
    """
    pod = _find_process(marker)
    enter = ["nsenter", f"--net={pod}/ns/net", "--", "unshare", "--mount", "--propagation=private", "--"]
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as resolver:
        # mount(8) would follow /proc/<pid>/root as a link to the root of this machine.
        resolver.write((pod / "root/etc/resolv.conf").read_text())
        resolver.flush()
        program = [sys.executable, "-m", module, *words]
        with running([*enter, "sh", "-c", _SCRIPT, "sh", resolver.name, *program], cwd=CHECKOUT) as process:
            yield process


def _find_process(marker: str) -> Path:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if words[:2] == [b"sleep", marker.encode()]:
            return process
    raise AssertionError(f"no process `sleep {marker}`")
