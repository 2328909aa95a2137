"""Tests of the client of the fault tests, whose measurements depend on correct counting."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults import client
from tests.faults.client import ApiCaller, RequestRecord, RequestRefused
from tests.faults.load import longest_gap, max_consecutive_failures

Work = Callable[[RequestRecord, ApiCaller, threading.Event], None]


class FakeApi:
    """A fake API that stores ConfigMaps in a dictionary. Each call first raises the next exception in
    `faults`, if any.
    """

    def __init__(self, faults: list[Exception] | None = None) -> None:
        self.config_maps: dict[str, dict[str, str]] = {}
        self.faults = faults or []
        self.on_call: Callable[[], None] = lambda: None

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        self.on_call()
        if self.faults:
            raise self.faults.pop(0)
        name = path.rpartition("/")[2]
        if body is None:
            return {"data": self.config_maps[name]}
        if method == "POST":
            self.config_maps[body["metadata"]["name"]] = dict(body["data"])
        elif name not in self.config_maps:
            raise RequestRefused(http.client.NOT_FOUND, "Not Found")
        elif method == "PATCH":
            self.config_maps[name].update(body["data"])
        return body


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PERIOD", 0.0)


def run(work: Work, record: RequestRecord, api: FakeApi, calls: int) -> None:
    """Run the loop `work` of the client until it has made `calls` calls to the API."""
    stopped = threading.Event()
    remaining_calls = [calls]

    def count() -> None:
        remaining_calls[0] -= 1
        if remaining_calls[0] <= 0:
            stopped.set()

    api.on_call = count
    work(record, api, stopped)


def test_numbers_are_written_one_after_another() -> None:
    record, api = RequestRecord(), FakeApi()
    run(client.write_until_stopped, record, api, calls=client.KEYS + 5)
    written_numbers = {number for keys in api.config_maps.values() for number in keys}
    assert written_numbers == {str(number) for number in range(len(record.written))}
    assert len(api.config_maps) == 2
    assert not record.failed


def test_failed_write_is_not_counted_and_retried() -> None:
    record, api = RequestRecord(), FakeApi([ConnectionResetError("gone"), RequestRefused(503, "down")])
    run(client.write_until_stopped, record, api, calls=6)
    assert [what for _, what, _ in record.failed] == ["write", "write"]
    assert "ConnectionResetError: gone" in record.failed[0][2]
    assert set(api.config_maps["load-0"]) == {str(number) for number in range(len(record.written))}


def test_read_without_the_acknowledged_number_is_stale() -> None:
    record, api = RequestRecord(), FakeApi()
    api.config_maps["load-0"] = {"0": "written"}
    record.written = [1.0, 2.0]
    run(client.read_until_stopped, record, api, calls=1)
    assert len(record.stale) == 1
    record.written.pop()
    run(client.read_until_stopped, record, api, calls=1)
    assert len(record.stale) == 1


def test_gaps_and_consecutive_failures_are_computed() -> None:
    assert longest_gap([0, 1, 5, 6]) == 4
    assert longest_gap([]) == 0
    done = [(1.0, True), (4.0, True)]
    assert max_consecutive_failures(done, [(2.0, False), (3.0, False), (5.0, False)]) == 2
    assert max_consecutive_failures(done, []) == 0
