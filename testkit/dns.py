"""A DNS server outside the cluster."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from artifacts import catalogue
from artifacts.cache import Cache
from testkit.process import run
from testkit.wait import eventually

PORT = 5353


@contextmanager
def serve_names(directory: Path, address: str, names: Mapping[str, str]) -> Iterator[str]:
    """Run CoreDNS on an address of this machine. Yield its `ADDRESS:PORT`.

    `names` are the names that it answers, with their addresses. It answers no other name.
    """
    lines = "".join(f"        {target} {name}\n" for name, target in names.items())
    configuration = directory / "Corefile"
    configuration.write_text(f".:{PORT} {{\n    bind {address}\n    hosts {{\n{lines}    }}\n}}\n")
    program = Cache.default().path("coredns", catalogue.DEFAULTS.coredns)
    process = subprocess.Popen(
        [program, "-conf", configuration], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        query = ["ss", "-lun", f"src {address}:{PORT}"]
        eventually("it listens", lambda: f":{PORT}" in run(query, timeout=10).stdout, timeout=30)
        yield f"{address}:{PORT}"
    finally:
        process.terminate()
        process.wait(timeout=30)
