"""A client that requests a page from the network of a pod or host, five times a second, until SIGTERM.

`client` and `client_on_host` start the client as a separate process: `python -m testkit.http_client URL`.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from testkit import host_network
from testkit.pod_network import run_module

PERIOD = 0.2
"""Seconds from the start of a request to the start of the next request."""
TIMEOUT = 1.0
"""Time limit of a request in seconds."""


@dataclass(frozen=True)
class Requests:
    """The numbers of answered and failed requests, and the longest time between two answers in seconds."""

    answered: int
    failed: int
    longest_gap: float


class Client:
    """A running client."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def stop(self) -> Requests:
        """End the client and return its results."""
        self._process.terminate()
        output, errors = self._process.communicate(timeout=30)
        assert self._process.returncode == 0, errors
        return Requests(**json.loads(output))


@contextmanager
def client(marker: str, url: str) -> Iterator[Client]:
    """Request a page from the pod with a marker (`testkit.pod_network`) until the end of the block."""
    with run_module(marker, "testkit.http_client", url) as process:
        yield Client(process)


@contextmanager
def client_on_host(lab: str, host: str, url: str) -> Iterator[Client]:
    """Request a page from the network of a lab host until the end of the block."""
    with host_network.run_module(lab, host, "testkit.http_client", url) as process:
        yield Client(process)


def _is_answered(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
            return bool(response.read())
    except OSError:
        return False


def _main(url: str) -> None:
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    answered, failed, gap, last = 0, 0, 0.0, time.monotonic()
    while not ended.is_set():
        begin = time.monotonic()
        if _is_answered(url):
            answered, gap, last = answered + 1, max(gap, time.monotonic() - last), time.monotonic()
        else:
            failed += 1
        ended.wait(max(0.0, begin + PERIOD - time.monotonic()))
    gap = max(gap, time.monotonic() - last)
    print(json.dumps(asdict(Requests(answered, failed, round(gap, 1)))))


if __name__ == "__main__":
    _main(sys.argv[1])
