"""Tests of the client of the fault tests, whose measurements depend on correct counting."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults import client
from tests.faults.client import Account, Caller, Refused
from tests.faults.load import longest_gap, max_consecutive_failures

Work = Callable[[Account, Caller, threading.Event], None]


class FakeApi:
    """A fake API that stores ConfigMaps in a dictionary. Each call first raises the next exception in
    `faults`, if any.
    """

    def __init__(self, faults: list[Exception] | None = None) -> None:
        self.maps: dict[str, dict[str, str]] = {}
        self.faults = faults or []
        self.done: Callable[[], None] = lambda: None

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        self.done()
        if self.faults:
            raise self.faults.pop(0)
        name = path.rpartition("/")[2]
        if body is None:
            return {"data": self.maps[name]}
        if method == "POST":
            self.maps[body["metadata"]["name"]] = dict(body["data"])
        elif name not in self.maps:
            raise Refused(http.client.NOT_FOUND, "Not Found")
        elif method == "PATCH":
            self.maps[name].update(body["data"])
        return body


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PERIOD", 0.0)


def run(work: Work, account: Account, api: FakeApi, calls: int) -> None:
    """Let a worker of the client make this number of calls."""
    stopped = threading.Event()
    left = [calls]

    def count() -> None:
        left[0] -= 1
        if left[0] <= 0:
            stopped.set()

    api.done = count
    work(account, api, stopped)


def test_numbers_are_written_one_after_another() -> None:
    account, api = Account(), FakeApi()
    run(client.writing, account, api, calls=client.KEYS + 5)
    found = {number for keys in api.maps.values() for number in keys}
    assert found == {str(number) for number in range(len(account.written))}
    assert len(api.maps) == 2
    assert not account.failed


def test_failed_write_is_not_counted_and_retried() -> None:
    account, api = Account(), FakeApi([ConnectionResetError("gone"), Refused(503, "down")])
    run(client.writing, account, api, calls=6)
    assert [what for _, what, _ in account.failed] == ["write", "write"]
    assert "ConnectionResetError: gone" in account.failed[0][2]
    assert set(api.maps["load-0"]) == {str(number) for number in range(len(account.written))}


def test_read_without_the_acknowledged_number_is_stale() -> None:
    account, api = Account(), FakeApi()
    api.maps["load-0"] = {"0": "written"}
    account.written = [1.0, 2.0]
    run(client.reading, account, api, calls=1)
    assert len(account.stale) == 1
    account.written.pop()
    run(client.reading, account, api, calls=1)
    assert len(account.stale) == 1


def test_gaps_and_consecutive_failures_are_computed() -> None:
    assert longest_gap([0, 1, 5, 6]) == 4
    assert longest_gap([]) == 0
    done = [(1.0, True), (4.0, True)]
    assert max_consecutive_failures(done, [(2.0, False), (3.0, False), (5.0, False)]) == 2
    assert max_consecutive_failures(done, []) == 0
