"""Control of the test client: start and stop the client, and evaluate its recorded requests."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from testkit import pods
from testkit.cluster import CHECKOUT, Cluster
from testkit.wait import eventually
from tests.faults.client import KEYS, NAMESPACE, TIMEOUT

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class LoadReport:
    """The requests of the client in a time interval. A gap is the longest time without a success, in
    seconds.
    """

    writes: int
    reads: int
    write_gap: float
    read_gap: float
    failed: tuple[str, ...]
    max_consecutive_failures: int
    """The maximum number of consecutive failures of one kind of request."""
    stale: tuple[str, ...]
    failure_times: tuple[float, ...] = ()
    """The wall-clock times at which requests failed."""

    @property
    def figures(self) -> dict[str, object]:
        """Return the measurements by name, for the table of measurements."""
        return {
            "write gap": round(self.write_gap, 1),
            "read gap": round(self.read_gap, 1),
            "writes": self.writes,
            "reads": self.reads,
            "failed requests": len(self.failed),
            "max consecutive failures": self.max_consecutive_failures,
        }


class ClientProcess:
    """The process of the test client, which starts with this object.

    The client reads the kubeconfig of the cluster again for every new connection.
    """

    def __init__(self, cluster: Cluster, timeout: float = TIMEOUT) -> None:
        """Start the client. `timeout` is the time limit of a request in seconds."""
        self._cluster = cluster
        self._result = cluster.state / f"load-{next(_numbers)}.json"
        self._result.unlink(missing_ok=True)  # the state of an earlier test run may be kept
        cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", timeout=120)
        cluster.apply(pods.namespace(NAMESPACE))
        words = ["-m", "tests.faults.client", str(cluster.kubeconfig), str(self._result), str(timeout)]
        self._process = subprocess.Popen(
            [sys.executable, *words], cwd=CHECKOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def wait_started(self) -> None:
        """Wait until requests of the client succeed, so that measurements exclude its start."""
        eventually("the client writes", lambda: self.alive() and self.last_write() > 0, timeout=30)
        time.sleep(2)

    def alive(self) -> bool:
        """Return True if the client process runs. Raise AssertionError if it has ended."""
        code = self._process.poll()
        assert code is None, f"the client ended with exit code {code}"
        return True

    def last_write(self) -> float:
        """Return the time of the last acknowledged write that the client has saved; 0 without a write.

        The client saves its record every second.
        """
        written = self._read_record()["written"] if self._result.exists() else []
        return float(written[-1]) if written else 0.0

    def wait_for_write(self, timeout: float) -> None:
        """Wait until a write is acknowledged after this call, for at most `timeout` seconds."""
        now = time.time()
        eventually(
            "writes go on", lambda: self.alive() and self.last_write() > now, timeout=timeout, interval=0.5
        )

    def stop(self) -> None:
        """Stop the client process. The file with its record is kept."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def report(self, since: float = 0, until: float = 0) -> LoadReport:
        """Return a report of the requests between two wall-clock times (default: of all requests)."""
        record = self._read_record()
        begin, end = max(since, record["began"]), until or record["ended"]

        def within(times: Sequence[float]) -> list[float]:
            return [moment for moment in times if begin <= moment <= end]

        failed = [entry for entry in record["failed"] if begin <= entry[0] <= end]
        written, read = within(record["written"]), within(record["read"])
        return LoadReport(
            writes=len(written),
            reads=len(read),
            write_gap=longest_gap([begin, *written, end]),
            read_gap=longest_gap([begin, *read, end]),
            failed=tuple(f"{moment - begin:.1f} s: {what}: {error}" for moment, what, error in failed),
            max_consecutive_failures=max(
                max_consecutive_failures(
                    [(t, True) for t in record[done]], [(t, False) for t, w, _ in failed if w == what]
                )
                for what, done in (("write", "written"), ("read", "read"))
            ),
            stale=tuple(record["stale"]),
            failure_times=tuple(moment for moment, _, _ in failed),
        )

    def server(self, what: str) -> str:
        """Return the host of the API server that answers the requests of one kind, `read` or `write`."""
        names = self._read_record()["servers"].get(what, ())
        return next((host for host in self._cluster.nodes if self._cluster.address(host) in names), "")

    def lost_numbers(self, until: float = 0) -> list[int]:
        """Return the numbers whose writes were acknowledged before `until` and that do not exist in the
        cluster.

        The default of `until` is the end of the record.
        """
        written = [moment for moment in self._read_record()["written"] if not until or moment <= until]
        existing = {
            number
            for item in self._cluster.items("configmaps", "-n", NAMESPACE)
            if item["metadata"]["name"].startswith("load-")
            for number in item.get("data", {})
        }
        return [number for number in range(len(written)) if str(number) not in existing]

    def _read_record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self._result.read_text())
        return record


def longest_gap(moments: Sequence[float]) -> float:
    """Return the longest time between two consecutive times."""
    return max((after - before for before, after in itertools.pairwise(moments)), default=0.0)


def max_consecutive_failures(done: Sequence[tuple[float, bool]], failed: Sequence[tuple[float, bool]]) -> int:
    """Return the maximum number of consecutive failed requests.

    Each entry of `done` and `failed` is the time of a request and whether it succeeded.
    """
    longest = current = 0
    for _, succeeded in sorted((*done, *failed)):
        current = 0 if succeeded else current + 1
        longest = max(longest, current)
    return longest


@contextmanager
def running_client(cluster: Cluster, timeout: float = TIMEOUT) -> Iterator[ClientProcess]:
    """Yield a running test client, and stop it at the end of the block.

    `timeout` is the time limit of a request in seconds.
    """
    client = ClientProcess(cluster, timeout)
    try:
        client.wait_started()
        yield client
    finally:
        client.stop()


def assert_limits(
    client: ClientProcess, cluster: Cluster, gap: float, record_figures: Callable[..., None]
) -> LoadReport:
    """Stop the client, record its measurements, assert that they are within the limits, and return the
    report.

    The limits: the longest time without a write is at most `gap` seconds, no acknowledged write is lost, and
    no read returned an old value.
    """
    client.stop()
    report = client.report()
    lost = client.lost_numbers()
    record_figures(**report.figures, lost=len(lost))
    assert report.writes > 0
    assert not lost, f"{len(lost)} acknowledged writes are lost, the first is {lost[0]} (of {KEYS} a map)"
    assert not report.stale, report.stale[0]
    shown = "\n".join(report.failed[:20])
    assert report.write_gap <= gap, f"no write for {report.write_gap:.1f} s, allowed {gap:.0f} s:\n{shown}"
    return report
