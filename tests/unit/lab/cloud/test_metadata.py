"""Tests of the emulated metadata service of AWS, by requests as AWS's SDKs send them."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.cloud.aws.metadata import Metadata
from lab.cloud.aws.sessions import Sessions
from lab.cloud.running import MachineStates
from tests.unit.lab.machines import MACHINE

ROLES = "/latest/meta-data/iam/security-credentials/"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Return the port of a metadata service for a machine at the loopback address."""
    states = MachineStates(tmp_path / "machines.json")
    states.add(replace(MACHINE, address="127.0.0.1"))
    handler = type("Handler", (Metadata,), {"states": states, "sessions": Sessions("secret")})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def request(port: int, method: str, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    named = {f"X-aws-ec2-metadata-{name.replace('_', '-')}": value for name, value in headers.items()}
    connection.request(method, path, headers=named)
    return connection.getresponse()


def test_sdk_gets_the_credentials_of_the_role(port: int) -> None:
    """Test that a token comes with its lifetime, without which the SDK for Go uses no token."""
    answer = request(port, "PUT", "/latest/api/token", token_ttl_seconds="300")
    assert answer.getheader("X-Aws-Ec2-Metadata-Token-Ttl-Seconds") == "300"
    token = answer.read().decode()
    assert request(port, "GET", ROLES, token=token).read() == b"role"
    credentials = json.loads(request(port, "GET", f"{ROLES}role", token=token).read())
    assert credentials["Code"] == "Success"
    assert request(port, "GET", ROLES).status == 401
