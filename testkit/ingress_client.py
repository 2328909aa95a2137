"""A client of an ingress, which uses all addresses of its nodes, as browsers use all addresses of a DNS name.

The client tries the next address only while no connection is open. A request that was sent and gets no answer
is lost, because the client cannot know whether the server has processed the request.
"""

from __future__ import annotations

import http.client
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

CONNECT_SECONDS = 1.0
"""Time limit of an attempt to connect."""
ANSWER_SECONDS = 10.0
"""Time limit of the answer to a request."""
PERIOD = 0.2
"""Seconds from the start of a request to the start of the next request."""


@dataclass(frozen=True)
class Answer:
    """The status and the text of an answer, and the PEM of the server's certificate with HTTPS."""

    status: int
    text: str
    certificate: str = ""


@dataclass
class Requests:
    """The results of a client. `lost` has an error for each lost request; `not_found` counts the answers 404,
    which a pod gives from its start until it has read the Ingress objects.
    """

    answered: int = 0
    lost: list[str] = field(default_factory=list)
    not_found: int = 0
    refused_connections: int = 0
    servers: set[str] = field(default_factory=set)
    """The texts of all answers."""


def request(
    address: str, port: int, name: str, tls: ssl.SSLContext | None = None, *, path: str = "/"
) -> Answer:
    """Request a page of the host `name` from an address. Raise OSError or http.client.HTTPException."""
    connection = _connect(address, port, name, tls)
    try:
        return _request(connection, name, path)
    finally:
        connection.close()


def _connect(address: str, port: int, name: str, tls: ssl.SSLContext | None) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(address, port, timeout=CONNECT_SECONDS)
    connection.connect()
    connection.sock.settimeout(ANSWER_SECONDS)
    if tls is not None:
        try:
            connection.sock = tls.wrap_socket(connection.sock, server_hostname=name)
        except OSError:
            connection.close()
            raise
    return connection


def _request(connection: http.client.HTTPConnection, name: str, path: str) -> Answer:
    connection.request("GET", path, headers={"Host": name, "Connection": "close"})
    socket = connection.sock
    certificate = ""
    if isinstance(socket, ssl.SSLSocket):
        certificate = ssl.DER_cert_to_PEM_cert(socket.getpeercert(binary_form=True) or b"")
    response = connection.getresponse()
    return Answer(response.status, response.read().decode().strip(), certificate)


@contextmanager
def client(addresses: Sequence[str], name: str, tls: ssl.SSLContext) -> Iterator[Requests]:
    """Request a page until the end of the block, by HTTP and HTTPS in turns. Yield the results."""
    results, ended = Requests(), threading.Event()
    thread = threading.Thread(target=_run, args=(list(addresses), name, tls, results, ended))
    thread.start()
    try:
        yield results
    finally:
        ended.set()
        thread.join()


def _run(
    addresses: list[str], name: str, tls: ssl.SSLContext, results: Requests, ended: threading.Event
) -> None:
    number = 0
    while not ended.is_set():
        began = time.monotonic()
        first = number % len(addresses)
        secure = number // len(addresses) % 2 == 1
        use_once([*addresses[first:], *addresses[:first]], name, tls if secure else None, results)
        number += 1
        ended.wait(max(0.0, began + PERIOD - time.monotonic()))


def use_once(
    addresses: Sequence[str],
    name: str,
    tls: ssl.SSLContext | None,
    results: Requests,
    *,
    port: int | None = None,
) -> None:
    """Make one request and record its result."""
    number = port or (443 if tls else 80)
    for address in addresses:
        try:
            connection = _connect(address, number, name, tls)
        except OSError:
            results.refused_connections += 1
            continue
        try:
            answer = _request(connection, name, "/")
        except (OSError, http.client.HTTPException) as error:
            results.lost.append(f"{address}:{number}: {type(error).__name__}: {error}")
        else:
            if answer.status == http.client.OK:
                results.answered += 1
                results.servers.add(answer.text)
            elif answer.status == http.client.NOT_FOUND:
                results.not_found += 1
            else:
                results.lost.append(f"{address}:{number}: status {answer.status}")
        finally:
            connection.close()
        return
    results.lost.append(f"no address of {name} accepts connections to port {number}")
