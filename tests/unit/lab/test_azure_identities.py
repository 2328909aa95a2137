"""Tests of the emulated metadata service of Azure: which identity a token is for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from types import SimpleNamespace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from lab.cloud.azure.metadata import Metadata
from lab.cloud.azure.tokens import AccessTokens
from lab.cloud.running import RunningMachine

OWN, POLICY = "/subscriptions/s/userAssignedIdentities/own", "/subscriptions/s/userAssignedIdentities/policy"
MACHINE = RunningMachine(
    id="/subscriptions/s/virtualMachines/vm",
    host="vm",
    address="127.0.0.1",
    hostname="vm",
    zone="1",
    region="westeurope",
    identity="client-1",
    identities={OWN: "client-1", POLICY: "client-2"},
    group="",
)


@pytest.fixture
def url() -> Iterator[str]:
    attributes = {"states": SimpleNamespace(by_address=lambda _: MACHINE), "tokens": AccessTokens("admin")}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Metadata,), attributes))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/metadata/identity/oauth2/token?api-version=2018-02-01"
    server.shutdown()
    server.server_close()


def client_of_token(url: str, selection: str) -> str:
    request = Request(f"{url}&resource=x{selection}", headers={"Metadata": "true"})
    with urlopen(request, timeout=20) as response:
        return str(json.load(response)["client_id"])


@pytest.mark.parametrize(
    ("selection", "client"),
    [
        (f"&msi_res_id={OWN.upper()}", "client-1"),
        (f"&msi_res_id={POLICY}", "client-2"),
        ("&client_id=client-2", "client-2"),
    ],
)
def test_token_is_for_the_named_identity(url: str, selection: str, client: str) -> None:
    assert client_of_token(url, selection) == client


@pytest.mark.parametrize("selection", ["", "&msi_res_id=/other", "&client_id=other"])
def test_machine_with_several_identities_must_name_one_of_them(url: str, selection: str) -> None:
    with pytest.raises(HTTPError, match="400"):
        client_of_token(url, selection)
