"""Reads the certificate that a TLS server presents."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

_TIMEOUT_SECONDS = 5


def fetch_certificate(address: str, port: int, trusted: Iterable[x509.Certificate]) -> x509.Certificate | str:
    """Return the certificate that a server presents, or a one-line reason of the failure."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(
        cadata="".join(authority.public_bytes(Encoding.PEM).decode() for authority in trusted)
    )
    try:
        with (
            socket.create_connection((address, port), timeout=_TIMEOUT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=address) as secured,
        ):
            der = secured.getpeercert(binary_form=True)
    except OSError as error:
        return f"{address}:{port}: {error}"
    return x509.load_der_x509_certificate(der) if der else f"{address}:{port}: no certificate"
