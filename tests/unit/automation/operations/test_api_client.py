"""Tests of which requests the client of the API repeats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from automation.operations import api_client
from automation.operations.api_client import ApiClient, ApiError


class Pool:
    """Connections to a server that answers with these statuses, one after another; the last one repeats."""

    host, port = "127.0.0.1", 6443

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.requests = 0

    def request(self, *_: object, **__: object) -> SimpleNamespace:
        self.requests += 1
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return SimpleNamespace(status=status, data=json.dumps({"message": f"status {status}"}).encode())


def client(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> ApiClient:
    monkeypatch.setattr(api_client, "_FIRST_PAUSE_SECONDS", 0)
    made = ApiClient.__new__(ApiClient)
    monkeypatch.setattr(made, "_pool", pool, raising=False)
    return made


@pytest.mark.parametrize("status", [409, 429, 503])
def test_temporary_failure_is_repeated(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(status, status, 200)
    client(pool, monkeypatch).patch("/api/v1/x", {"metadata": {"labels": {}}})
    assert pool.requests == 3


@pytest.mark.parametrize(
    ("metadata", "status"), [({"resourceVersion": "7"}, 409), ({}, 403), ({"resourceVersion": "7"}, 404)]
)
def test_other_failures_are_raised_at_once(
    metadata: Mapping[str, str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version of an object that another client has changed is wrong at each repetition."""
    pool = Pool(status)
    with pytest.raises(ApiError, match=f"status {status}") as error:
        client(pool, monkeypatch).patch("/api/v1/x", {"metadata": metadata})
    assert pool.requests == 1
    assert error.value.is_conflict == (status == 409)


def test_overload_is_repeated_for_a_version_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool(429, 200)
    client(pool, monkeypatch).patch("/api/v1/x", {"metadata": {"resourceVersion": "7"}})
    assert pool.requests == 2
