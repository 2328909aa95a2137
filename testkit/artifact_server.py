"""An HTTPS server for artifacts with a self-signed certificate, and artifact files for a cache."""

from __future__ import annotations

import datetime
import http.server
import ipaddress
import secrets
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from artifacts.cache import Cache


def add_artifact(cache: Cache, name: str, version: str, content: bytes, tmp_path: Path) -> None:
    """Add an artifact with this content to a cache."""
    file = tmp_path / "incoming"
    file.write_bytes(content)
    cache.add(name, version, file, source="test")


@dataclass
class ArtifactServer:
    """An HTTPS server that answers GET with the content in `files` or 404, and records requests in
    `requests`.
    """

    url: str
    ca_file: Path
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)


@contextmanager
def serve_artifacts(directory: Path) -> Iterator[ArtifactServer]:
    """Start an HTTPS server on loopback until the block ends; its certificate is written to the directory."""
    certificate, key = create_self_signed_certificate(directory)
    state = ArtifactServer("", certificate)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_error(404)

        def do_GET(self) -> None:
            state.requests.append(self.path)
            body = state.files.get(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        listener.socket = context.wrap_socket(listener.socket, server_side=True)
        state.url = f"https://127.0.0.1:{listener.server_port}"
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield state
        listener.shutdown()
        thread.join()


def create_self_signed_certificate(directory: Path, address: str = "127.0.0.1") -> tuple[Path, Path]:
    """Write a self-signed certificate for an IP address and its key. Return the paths of both files."""
    key = ec.generate_private_key(ec.SECP256R1())
    # OpenSSL finds an authority by its name, so authorities in one file need different names.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test {secrets.token_hex(4)}")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    crt, pem = directory / "server.crt", directory / "server.key"
    crt.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return crt, pem
