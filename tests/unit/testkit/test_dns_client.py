"""Tests of the client that resolves names from the network of a pod."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator

import pytest

from testkit import dns_client


@pytest.fixture
def termination() -> Iterator[None]:
    """Restore the handler of SIGTERM, which the client replaces."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.usefixtures("termination")
def test_a_stopped_client_prints_its_lookups(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise OSError("no server")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    dns_client._main("name.example.", 1, 600)
    lookups = json.loads(capsys.readouterr().out)
    assert (lookups["count"], lookups["errors"], lookups["slow"]) == (1, ["no server"], 0)


@pytest.mark.usefixtures("termination")
def test_slow_lookups_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: None)
    monkeypatch.setattr(dns_client, "SLOW", -1.0)
    dns_client._main("name.example.", 100, 1)
    lookups = json.loads(capsys.readouterr().out)
    assert (lookups["count"], lookups["errors"], lookups["slow"]) == (100, [], 100)
