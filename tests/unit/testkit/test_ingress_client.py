"""Tests of the client of an ingress: what counts as a lost request."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from testkit.ingress_client import Requests, use_once

CLOSED = "127.0.0.9"
OPEN = "127.0.0.1"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nweb-1"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

Serve = Callable[[bytes], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that answers one request with these bytes and returns the port."""
    listeners = []

    def start(answer: bytes) -> int:
        listener = socket.create_server((OPEN, 0))
        listeners.append(listener)

        def answer_once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        threading.Thread(target=answer_once, daemon=True).start()
        port: int = listener.getsockname()[1]
        return port

    yield start
    for listener in listeners:
        listener.close()


def result_of(port: int, *addresses: str) -> Requests:
    results = Requests()
    use_once(addresses, "shop.example", None, results, port=port)
    return results


def test_client_tries_the_next_address_while_no_connection_is_open(serve: Serve) -> None:
    results = result_of(serve(PAGE), CLOSED, OPEN)
    assert (results.answered, results.lost, results.refused_connections) == (1, [], 1)
    assert results.servers == {"web-1"}


@pytest.mark.parametrize("answer", [b"", UNAVAILABLE])
def test_request_without_a_page_is_lost(serve: Serve, answer: bytes) -> None:
    port = serve(answer)
    results = result_of(port, OPEN, CLOSED)
    assert (results.answered, len(results.lost), results.refused_connections) == (0, 1, 0)


def test_pod_that_starts_is_counted(serve: Serve) -> None:
    results = result_of(serve(NOT_FOUND), OPEN)
    assert (results.answered, results.lost, results.not_found) == (0, [], 1)


def test_request_is_lost_when_no_address_accepts_connections(serve: Serve) -> None:
    port = serve(PAGE)
    [lost] = result_of(port, CLOSED).lost
    assert "no address of shop.example" in lost
