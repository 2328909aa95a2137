"""Which certificate a server shows, seen by a client that verifies it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

_SECONDS = 5


def certificate(address: str, port: int, trusted: Iterable[x509.Certificate]) -> x509.Certificate | str:
    """The certificate that the server at an address shows; or why none was seen, in a line."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(
        cadata="".join(authority.public_bytes(Encoding.PEM).decode() for authority in trusted)
    )
    try:
        with (
            socket.create_connection((address, port), timeout=_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=address) as secured,
        ):
            shown = secured.getpeercert(binary_form=True)
    except OSError as error:
        return f"{address}:{port}: {error}"
    return x509.load_der_x509_certificate(shown) if shown else f"{address}:{port}: shows no certificate"
