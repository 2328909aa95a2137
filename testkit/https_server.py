"""HTTPS servers on this machine for tests, each with its own certificate authority."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path

from testkit.certificates import issue_certificate


@contextmanager
def serve_https(
    directory: Path, name: str, handler: type[BaseHTTPRequestHandler], address: str = "127.0.0.1"
) -> Iterator[tuple[str, Path]]:
    """Serve requests over HTTPS at this address of the machine until the block ends.

    Yield the URL, and the path of the certificate authority in PEM. The files of the server in the directory
    begin with `name`.
    """
    authority = issue_certificate(f"{name}-ca")
    serving = issue_certificate(name, issuer=authority, server=True, address=IPv4Address(address))
    ca_file, certificate, key = (directory / f"{name}{end}" for end in ("-ca.pem", ".pem", ".key"))
    ca_file.write_bytes(authority.certificate_pem)
    certificate.write_bytes(serving.certificate_pem)
    key.write_bytes(serving.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer((address, 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"https://{address}:{server.server_port}", ca_file
        finally:
            server.shutdown()
            thread.join()
