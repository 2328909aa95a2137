"""A small OpenID Connect issuer: discovery document, keys, and tokens signed with RS256 or ES256."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from testkit.control_plane import issue_certificate

Algorithm = Literal["RS256", "ES256"]
_DISCOVERY = "/.well-known/openid-configuration"


@dataclass
class Issuer:
    """An issuer at `url` whose server certificate is signed by the authority in `ca_file` (PEM).

    `published` are the ids of the keys in its key set. `requests` are the paths that clients requested.
    """

    url: str
    ca_file: Path
    rsa_key: rsa.RSAPrivateKey
    ec_key: ec.EllipticCurvePrivateKey
    published: list[str] = field(default_factory=lambda: ["RS256", "ES256"])
    requests: list[str] = field(default_factory=list)

    def token(self, algorithm: Algorithm = "ES256", **claims: object) -> str:
        """Return a token that is valid for ten minutes, for the audience `kubernetes` unless `claims` differ.

        The id of the key is the name of the algorithm.
        """
        now = int(time.time())
        defaults = {"iss": self.url, "aud": "kubernetes", "iat": now, "exp": now + 600}
        header = {"alg": algorithm, "typ": "JWT", "kid": algorithm}
        text = f"{_encode_json(header)}.{_encode_json(defaults | claims)}"
        return f"{text}.{_encode(self._sign(algorithm, text.encode()))}"

    def _sign(self, algorithm: Algorithm, content: bytes) -> bytes:
        if algorithm == "RS256":
            return self.rsa_key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        # RFC 7518, section 3.4: both numbers of the signature, 32 bytes each.
        numbers = decode_dss_signature(self.ec_key.sign(content, ec.ECDSA(hashes.SHA256())))
        return b"".join(number.to_bytes(32, "big") for number in numbers)

    def document(self, path: str) -> Mapping[str, Any] | None:
        """Return the document at a path of the issuer; None for other paths."""
        if path == _DISCOVERY:
            return {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
                "authorization_endpoint": f"{self.url}/authorize",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            }
        if path == "/keys":
            return {"keys": [key for key in self._keys() if key["kid"] in self.published]}
        return None

    def _keys(self) -> list[dict[str, str]]:
        """Return both public keys as in RFC 7517."""
        public_rsa = self.rsa_key.public_key().public_numbers()
        public_ec = self.ec_key.public_key().public_numbers()
        return [
            {
                "kid": "RS256",
                "kty": "RSA",
                "alg": "RS256",
                "use": "sig",
                "n": _encode(public_rsa.n.to_bytes(256, "big")),
                "e": _encode(public_rsa.e.to_bytes(3, "big")),
            },
            {
                "kid": "ES256",
                "kty": "EC",
                "alg": "ES256",
                "use": "sig",
                "crv": "P-256",
                "x": _encode(public_ec.x.to_bytes(32, "big")),
                "y": _encode(public_ec.y.to_bytes(32, "big")),
            },
        ]


@contextmanager
def serve_issuer(directory: Path, address: str = "127.0.0.1") -> Iterator[Issuer]:
    """Serve an issuer over HTTPS at this address of the machine until the block ends.

    Write its certificate authority, certificate and key to the directory.
    """
    authority = issue_certificate("issuer-ca")
    serving = issue_certificate("issuer", issuer=authority, server=True, address=IPv4Address(address))
    ca_file, certificate, key = (directory / name for name in ("issuer-ca.pem", "issuer.pem", "issuer.key"))
    ca_file.write_bytes(authority.certificate_pem)
    certificate.write_bytes(serving.certificate_pem)
    key.write_bytes(serving.key_pem)
    issuer = Issuer(
        "", ca_file, rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.requests.append(self.path)
            document = issuer.document(self.path)
            content = json.dumps(document).encode()
            self.send_response(404 if document is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer((address, 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        issuer.url = f"https://{address}:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()


def _encode(content: bytes) -> str:
    """Return base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _encode_json(content: Mapping[str, object]) -> str:
    return _encode(json.dumps(content).encode())
