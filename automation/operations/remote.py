"""Access of operations to hosts: over SSH (`ssh`), or by requests in the store of a cloud (`store_remote`).

Every call has a timeout. Calls to several hosts run in parallel. An unreachable host is a result and not an
exception. Scripts are plain sh text that others can see, so secrets must be passed through standard input.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

PARALLEL = 32
"""Maximum number of hosts that an operation connects to at a time."""
TIMED_OUT = 124
"""The exit code in the result of a script that did not end in time, as `timeout` of coreutils returns it."""


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """The result of a script on a host.

    `code` is the exit code. `reached` is false when the script did not run.
    """

    host: str
    code: int
    output: str
    error: str
    reached: bool = True

    @property
    def ok(self) -> bool:
        """Check whether the script ran and succeeded."""
        return self.reached and self.code == 0

    @property
    def reason(self) -> str:
        """Return the reason of a failure: the last line of standard error."""
        lines = [line for line in self.error.splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"exit code {self.code}"


class Remote(ABC):
    """Access to the hosts of a cluster."""

    @abstractmethod
    def run(
        self, host: str, script: str, *, stdin: str | bytes = "", timeout: float = 60, root: bool = True
    ) -> ScriptResult:
        """Run a script of sh text on a host.

        With `root`, run the script as root. Without `root`, the script calls sudo itself where it must.
        `timeout` is in seconds; after a timeout, the exit code in the result is `TIMED_OUT`.
        """

    @abstractmethod
    def _stream(
        self,
        host: str,
        script: str,
        timeout: float,
        *,
        source: BinaryIO | None = None,
        target: BinaryIO | None = None,
    ) -> ScriptResult:
        """Run a script as root. `source` is its standard input, `target` receives its standard output."""

    def send(self, host: str, script: str, source: Path, *, timeout: float) -> ScriptResult:
        """Run a script as root with a local file as standard input."""
        with source.open("rb") as file:
            return self._stream(host, script, timeout, source=file)

    def fetch(self, host: str, script: str, target: Path, *, timeout: float) -> ScriptResult:
        """Run a script as root and write its output to a local file that only the owner can read."""
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            return self._stream(host, script, timeout, target=file)

    @abstractmethod
    def send_from_host(
        self, host: str, address: str, port: int, data: bytes, *, timeout: float
    ) -> tuple[bytes, str]:
        """Send bytes to an address from a host.

        Return the response, and a reason if the response is empty.
        """

    def run_on_all(
        self,
        hosts: Iterable[str],
        script: str | Mapping[str, str],
        *,
        stdin: Mapping[str, str] | None = None,
        timeout: float = 60,
        root: bool = True,
    ) -> dict[str, ScriptResult]:
        """Run a script on all hosts in parallel. Return the results by host.

        `script` is a text, or a mapping with a script for each host.
        """

        def run_on_host(host: str) -> ScriptResult:
            text = script if isinstance(script, str) else script[host]
            return self.run(host, text, stdin=(stdin or {}).get(host, ""), timeout=timeout, root=root)

        return run_in_parallel(hosts, run_on_host)


def run_in_parallel(hosts: Iterable[str], run: Callable[[str], ScriptResult]) -> dict[str, ScriptResult]:
    """Call `run` for all hosts in parallel. Return the results by host, in the order of the hosts."""
    names = list(hosts)
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        return dict(zip(names, pool.map(run, names), strict=True))
