"""Tests of the credentials of the deployer: the variables of the plugin, and tokens requested from GitHub."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import AzureCliCredential, ClientAssertionCredential, ClientSecretCredential

from providers.azure.credentials import CredentialError, deployer_credential, federated_token

CLIENT_VARIABLES = {"ARM_TENANT_ID": "t" * 8, "ARM_CLIENT_ID": "c"}


class _GitHub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        is_authorized = self.headers.get("Authorization") == "bearer own"
        is_valid_query = query == {"api-version": ["2.0"], "audience": ["api://AzureADTokenExchange"]}
        data = json.dumps({"value": "a-jwt"}).encode()
        self.send_response(200 if is_authorized and is_valid_query else 403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def github() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _GitHub)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/token?api-version=2.0"
    server.shutdown()
    server.server_close()


def test_credentials_use_the_variables_of_the_plugin() -> None:
    assert isinstance(
        deployer_credential({**CLIENT_VARIABLES, "ARM_CLIENT_SECRET": "s"}), ClientSecretCredential
    )
    assert isinstance(
        deployer_credential({**CLIENT_VARIABLES, "ARM_USE_OIDC": "true"}), ClientAssertionCredential
    )
    assert isinstance(deployer_credential({}), AzureCliCredential)


def test_the_token_comes_from_a_variable_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of a file\n")
    assert federated_token({"ARM_OIDC_TOKEN": "given"}) == "given"
    assert federated_token({"ARM_OIDC_TOKEN_FILE_PATH": str(tmp_path / "token")}) == "of a file"


@pytest.mark.parametrize("prefix", ["ARM_OIDC", "ACTIONS_ID_TOKEN"])
def test_the_token_is_requested_from_github(github: str, prefix: str) -> None:
    environment = {f"{prefix}_REQUEST_URL": github, f"{prefix}_REQUEST_TOKEN": "own"}
    assert federated_token(environment) == "a-jwt"


def test_error_of_a_refused_token_hides_the_token(github: str) -> None:
    with pytest.raises(HttpResponseError) as error_info:
        federated_token({"ARM_OIDC_REQUEST_URL": github, "ARM_OIDC_REQUEST_TOKEN": "another"})
    assert "another" not in str(error_info.value)


def test_error_without_credentials_is_one_line() -> None:
    with pytest.raises(CredentialError, match="id-token: write") as error_info:
        federated_token({})
    assert "\n" not in str(error_info.value)
