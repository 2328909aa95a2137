"""A client that logs in by OpenID Connect all the time, and counts the requests that fail."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import urllib3

from testkit.oidc import Algorithm, Issuer

PERIOD = 0.1
"""Seconds between two requests."""
TIMEOUT = 3
"""Time limit of a request in seconds."""


@dataclass
class Logins:
    """The requests of a client so far. Each has a new token, because API servers remember tokens."""

    url: str
    authority: Path
    issuer: Issuer
    algorithm: Algorithm
    claims: dict[str, object]
    successes: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def use(self, issuer: Issuer, algorithm: Algorithm) -> None:
        """Log in at another issuer or with another key. Wait until requests with it have succeeded."""
        self.issuer, self.algorithm = issuer, algorithm
        self.wait()

    def wait(self, seconds: float = 3) -> None:
        """Wait for the requests of some seconds."""
        before = len(self.successes)
        time.sleep(seconds)
        assert len(self.successes) > before, self.failures[-3:]

    @property
    def requests(self) -> int:
        """The number of requests so far."""
        return len(self.successes) + len(self.failures)

    @property
    def longest_gap(self) -> float:
        """The longest time without a success, in seconds."""
        return max(after - before for before, after in itertools.pairwise([self.began, *self.successes]))

    def run(self, stopped: Callable[[float], bool]) -> None:
        """Send requests until the client is stopped."""
        pool = urllib3.PoolManager(ca_certs=str(self.authority), retries=False)
        for number in itertools.count():
            if stopped(PERIOD):
                return
            try:
                token = self.issuer.token(self.algorithm, jti=str(number), **self.claims)
                headers = {"Authorization": f"Bearer {token}"}
                answer = pool.request("GET", self.url, headers=headers, timeout=TIMEOUT)
                assert answer.status == 200, answer.data.decode()
                self.successes.append(time.monotonic())
            except Exception as error:
                self.failures.append(f"request {number} at {self.issuer.url}: {error}")


@contextmanager
def running_logins(logins: Logins) -> Iterator[Logins]:
    """Send requests until the block ends."""
    stopped = threading.Event()
    thread = threading.Thread(target=logins.run, args=(stopped.wait,))
    thread.start()
    try:
        yield logins
    finally:
        stopped.set()
        thread.join()
