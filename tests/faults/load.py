"""The client as tests use it: started, looked at, ended, and its account drawn."""

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

from testkit.cluster import CHECKOUT, Cluster
from testkit.wait import eventually

from testkit import pods
from tests.faults.client import KEYS, NAMESPACE

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Report:
    """What the client saw, between two moments. Gaps are in seconds."""

    writes: int
    reads: int
    write_gap: float
    read_gap: float
    failed: tuple[str, ...]
    row: int
    """Most failures in a row, of one kind of request."""
    stale: tuple[str, ...]

    @property
    def figures(self) -> dict[str, object]:
        """For the table of figures."""
        return {
            "write gap": round(self.write_gap, 1),
            "read gap": round(self.read_gap, 1),
            "writes": self.writes,
            "reads": self.reads,
            "failed requests": len(self.failed),
            "failed in a row": self.row,
        }


class Load:
    """A running client. `kubeconfig` is read again with every new connection."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._result = cluster.state / f"load-{next(_numbers)}.json"
        cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", timeout=120)
        cluster.apply(pods.namespace(NAMESPACE))
        words = ["-m", "tests.faults.client", str(cluster.kubeconfig), str(self._result)]
        self._process = subprocess.Popen(
            [sys.executable, *words], cwd=CHECKOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )

    def settled(self) -> None:
        """Waits until it writes and reads without failures: the beginning is not what is measured."""
        eventually("the client writes", lambda: self.alive() and self.last() > 0, timeout=30)
        time.sleep(2)

    def alive(self) -> bool:
        """Whether the process still runs, as it must."""
        code = self._process.poll()
        assert code is None, f"the client ended by itself with {code}"
        return True

    def last(self) -> float:
        """When the last write was acknowledged, as far as is known; it is a second old."""
        written = self._account()["written"] if self._result.exists() else []
        return float(written[-1]) if written else 0.0

    def goes_on(self, timeout: float) -> None:
        """Waits until writes succeed again from now on."""
        now = time.time()
        eventually("writes go on", lambda: self.alive() and self.last() > now, timeout=timeout, interval=0.5)

    def stop(self) -> None:
        """Ends the client; its account stays."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def report(self, since: float = 0, until: float = 0) -> Report:
        """The account between two moments of the wall's time (default: all of it)."""
        account = self._account()
        begin, end = max(since, account["began"]), until or account["ended"]

        def within(times: Sequence[float]) -> list[float]:
            return [moment for moment in times if begin <= moment <= end]

        failed = [entry for entry in account["failed"] if begin <= entry[0] <= end]
        written, read = within(account["written"]), within(account["read"])
        return Report(
            writes=len(written),
            reads=len(read),
            write_gap=longest_gap([begin, *written, end]),
            read_gap=longest_gap([begin, *read, end]),
            failed=tuple(f"{moment - begin:.1f} s: {what}: {error}" for moment, what, error in failed),
            row=max(
                row([(t, True) for t in account[done]], [(t, False) for t, w, _ in failed if w == what])
                for what, done in (("write", "written"), ("read", "read"))
            ),
            stale=tuple(account["stale"]),
        )

    def lost(self, until: float = 0) -> list[int]:
        """Numbers that were acknowledged (until a moment) and are not there now."""
        written = [moment for moment in self._account()["written"] if not until or moment <= until]
        found = {
            number
            for item in self._cluster.items("configmaps", "-n", NAMESPACE)
            if item["metadata"]["name"].startswith("load-")
            for number in item.get("data", {})
        }
        return [number for number in range(len(written)) if str(number) not in found]

    def _account(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._result.read_text())
        return found


def longest_gap(moments: Sequence[float]) -> float:
    """The longest time between two neighbours."""
    return max((after - before for before, after in itertools.pairwise(moments)), default=0.0)


def row(done: Sequence[tuple[float, bool]], failed: Sequence[tuple[float, bool]]) -> int:
    """How many failures came in a row at most."""
    longest = current = 0
    for _, succeeded in sorted((*done, *failed)):
        current = 0 if succeeded else current + 1
        longest = max(longest, current)
    return longest


@contextmanager
def load(cluster: Cluster) -> Iterator[Load]:
    """A client for the time of a fault; it is ended at the end whatever happens."""
    client = Load(cluster)
    try:
        client.settled()
        yield client
    finally:
        client.stop()


def held(client: Load, cluster: Cluster, gap: float, note: Callable[..., None]) -> Report:
    """Ends the client, notes its figures, and demands what must hold: the gap, nothing lost or stale."""
    client.stop()
    report = client.report()
    lost = client.lost()
    note(**report.figures, lost=len(lost))
    assert report.writes > 0
    assert not lost, (
        f"{len(lost)} acknowledged writes are not there, the first is {lost[0]} (of {KEYS} a map)"
    )
    assert not report.stale, report.stale[0]
    shown = "\n".join(report.failed[:20])
    assert report.write_gap <= gap, f"no write for {report.write_gap:.1f} s, allowed {gap:.0f} s:\n{shown}"
    return report
