"""Tests of the sites whose certificates cert-manager issues: their Ingress, and what clients trust."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from testkit import tls_sites
from testkit.certificates import CertificateAndKey, issue_certificate

AUTHORITY, OTHER = issue_certificate("ca"), issue_certificate("other-ca")
SITE = issue_certificate("site", issuer=AUTHORITY, server=True)


class Page(BaseHTTPRequestHandler):
    """A page with a status."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Yield the port of a site on loopback with the name localhost."""
    certificate, key = tmp_path / "crt", tmp_path / "key"
    certificate.write_bytes(SITE.certificate_pem)
    key.write_bytes(SITE.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_certificate_of_a_trusted_site_is_returned(port: int) -> None:
    trusted = AUTHORITY.certificate_pem.decode()
    assert tls_sites.served("127.0.0.1", "localhost", trusted, port=port) == SITE.certificate


@pytest.mark.parametrize(
    ("name", "authority"), [("localhost", OTHER), ("other.example", AUTHORITY)], ids=["authority", "name"]
)
def test_site_that_a_client_does_not_trust_is_a_failure(
    port: int, name: str, authority: CertificateAndKey
) -> None:
    with pytest.raises(AssertionError, match="CERTIFICATE_VERIFY_FAILED"):
        tls_sites.served("127.0.0.1", name, authority.certificate_pem.decode(), port=port)


def test_site_without_a_page_is_a_failure(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Page, "status", 404)
    with pytest.raises(AssertionError, match="status 404"):
        tls_sites.served("127.0.0.1", "localhost", AUTHORITY.certificate_pem.decode(), port=port)


def test_ingress_with_an_issuer_names_a_secret() -> None:
    made = tls_sites.ingress(
        "shop", "web", "*.zone.example", issuer="public", annotations={"cert-manager.io/renew-before": "1h"}
    )
    assert made["metadata"]["annotations"] == {
        "cert-manager.io/cluster-issuer": "public",
        "cert-manager.io/renew-before": "1h",
    }
    assert made["spec"]["tls"] == [{"hosts": ["*.zone.example"], "secretName": "web-tls"}]
    assert [rule["host"] for rule in made["spec"]["rules"]] == ["*.zone.example"]


def test_ingress_without_an_issuer_gets_no_certificate() -> None:
    made = tls_sites.ingress("shop", "blog", "blog.example")
    assert made["metadata"]["annotations"] == {}
    assert "tls" not in made["spec"]
