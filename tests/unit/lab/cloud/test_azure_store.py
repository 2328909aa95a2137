"""Tests of the emulated blob service and management API of Azure by HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from lab.cloud.azure.responses import in_background
from lab.cloud.azure.store import store_server
from lab.cloud.azure.tokens import AccessTokens
from lab.cloud.running import MachineStates, RunningMachine
from tests.unit.lab.cloud.azure_resources import GROUP, LAB

MACHINE = RunningMachine(
    id=f"{GROUP}/providers/Microsoft.Compute/virtualMachines/cp-1",
    host="cp-1",
    address="127.0.0.1",
    hostname="cp-1",
    zone="1",
    region="westeurope",
    identity="client-1",
    group="",
)


@pytest.fixture
def tokens() -> AccessTokens:
    return AccessTokens("deployer")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: AccessTokens) -> Iterator[str]:
    monkeypatch.setenv("KUBEWRIGHT_STATE", str(tmp_path))
    MachineStates.of(LAB).add(MACHINE)
    with in_background(store_server(LAB, ("127.0.0.1", 0), tokens)) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}"


def send(
    url: str,
    method: str = "GET",
    body: bytes | None = None,
    token: str = "deployer",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Send a request and return status and body of the response."""
    common = {
        "Authorization": f"Bearer {token}",
        "x-ms-version": "2021-12-02",
        "x-ms-blob-type": "BlockBlob",
    }
    request = Request(url, method=method, data=body, headers={**common, **(headers or {})})
    try:
        with urlopen(request, timeout=20) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_blobs_of_a_container_are_listed_by_prefix_with_their_times(url: str) -> None:
    for path in ("nodes/pools/a/1/node.sh", "nodes/pools/ab/node.sh", "other/pools/a/1/node.sh"):
        assert send(f"{url}/{path}", "PUT", b"text")[0] == 201
    status, text = send(f"{url}/nodes?restype=container&comp=list&prefix=pools/a/")
    assert status == 200
    assert re.findall("<Name>(.*?)</Name>", text) == ["pools/a/1/node.sh"]
    assert re.search(r"<Last-Modified>\w+, \d+ \w+ \d+ [\d:]+ GMT</Last-Modified>", text)


@pytest.mark.parametrize(
    ("content", "range", "expected"),
    [
        (b"0123456789", "bytes=2-4", (206, "234")),
        (b"0123456789", "bytes=8-99", (206, "89")),
        (b"0123456789", "bytes=7-", (206, "789")),
        (b"", "bytes=0-9", (416, "InvalidRange")),
    ],
)
def test_blobs_are_read_in_ranges(url: str, content: bytes, range: str, expected: tuple[int, str]) -> None:
    assert send(f"{url}/nodes/blob", "PUT", content)[0] == 201
    status, text = send(f"{url}/nodes/blob", headers={"x-ms-range": range})
    assert status == expected[0]
    assert expected[1] in text
    assert len(text) == len(expected[1]) or status == 416


def test_machine_without_a_role_cannot_list(url: str, tokens: AccessTokens) -> None:
    token = tokens.issue(MACHINE, "https://storage.azure.com", "client-1")
    status, text = send(f"{url}/nodes?comp=list", token=token)
    assert (status, json.loads(text)["error"]["code"]) == (403, "AuthorizationPermissionMismatch")


def test_deployer_manages_resources(url: str) -> None:
    path = f"{url}{GROUP}?api-version=2024-03-01"
    assert send(path, "PUT", b'{"location": "westeurope"}')[0] == 201
    assert json.loads(send(path)[1])["name"] == "kubewright-test"
    assert send(path, "DELETE")[0] == 200
    assert send(path, "DELETE")[0] == 204
    assert send(path)[0] == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH"])
def test_machines_cannot_manage_resources(url: str, tokens: AccessTokens, method: str) -> None:
    token = tokens.issue(MACHINE, "https://management.azure.com", "client-1")
    body = None if method == "GET" else b"{}"
    status, text = send(f"{url}{GROUP}?api-version=2024-03-01", method, body, token)
    assert (status, json.loads(text)["error"]["code"]) == (403, "AuthorizationFailed")


def test_management_needs_a_version_of_the_api(url: str) -> None:
    status, text = send(f"{url}{GROUP}", "PUT", b"{}")
    assert (status, json.loads(text)["error"]["code"]) == (400, "MissingApiVersionParameter")


def test_refused_request_has_the_error_of_azure(url: str) -> None:
    network = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/n"
    status, text = send(f"{url}{network}?api-version=2024-05-01", "PUT", b"{}")
    assert (status, json.loads(text)["error"]["code"]) == (404, "ResourceGroupNotFound")
