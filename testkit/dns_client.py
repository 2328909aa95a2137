"""A client that resolves a name from the network of a pod, with the resolver of the C library.

`client` starts the client as a separate process: `python -m testkit.dns_client NAME RATE SECONDS`.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from threading import Event

from testkit.pod_network import run_module

SLOW = 2.0
_THREADS = 64


@dataclass(frozen=True)
class Lookups:
    """The results of a client: the number of lookups, the errors, the number of lookups that took longer than
    `SLOW` seconds, and the longest duration in seconds.
    """

    count: int
    errors: list[str]
    slow: int
    longest: float


class Client:
    """A running client."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def stop(self) -> None:
        """Let the client end before its time. It still waits for the answers to its last lookups."""
        self._process.terminate()

    def result(self, timeout: float) -> Lookups:
        """Wait until the client ends, at most `timeout` seconds, and return its results."""
        output, errors = self._process.communicate(timeout=timeout)
        assert self._process.returncode == 0, errors
        return Lookups(**json.loads(output))


@contextmanager
def client(marker: str, name: str, *, rate: int, seconds: int) -> Iterator[Client]:
    """Resolve a name `rate` times a second from the pod with a marker, for at most `seconds` seconds."""
    with run_module(marker, "testkit.dns_client", name, str(rate), str(seconds)) as process:
        yield Client(process)


def _lookup(name: str, start: float, stopped: Event) -> tuple[float, str] | None:
    """Resolve a name at the time `start` and return the duration in seconds, and the error or no text.

    Return None if the client stops before.
    """
    if stopped.wait(max(0.0, start - time.monotonic())):
        return None
    begin = time.monotonic()
    try:
        socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
        error = ""
    except OSError as failure:
        error = str(failure)
    return time.monotonic() - begin, error


def _main(name: str, rate: int, seconds: int) -> None:
    stopped = Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    begin = time.monotonic()
    starts = [begin + number / rate for number in range(rate * seconds)]
    with ThreadPoolExecutor(_THREADS) as pool:
        results = list(filter(None, pool.map(lambda start: _lookup(name, start, stopped), starts)))
    durations = [duration for duration, _ in results]
    errors = [error for _, error in results if error]
    slow = sum(duration > SLOW for duration in durations)
    print(json.dumps(asdict(Lookups(len(results), errors, slow, max(durations, default=0.0)))))


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
