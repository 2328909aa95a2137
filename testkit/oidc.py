"""A small OpenID Connect issuer: discovery document, keys, and tokens signed with RS256 or ES256."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from providers.cloud.issuer_documents import key_set
from testkit.https_server import serve_https
from testkit.service_account_tokens import public_pem, signed_token

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
        key = self.rsa_key if algorithm == "RS256" else self.ec_key
        content = {"iss": self.url, "aud": "kubernetes"} | claims
        return signed_token(key, content, {"typ": "JWT", "kid": algorithm})

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
        keys = json.loads(key_set(public_pem(self.rsa_key) + public_pem(self.ec_key)))["keys"]
        return [{**key, "kid": key["alg"]} for key in keys]


@contextmanager
def serve_issuer(directory: Path, address: str = "127.0.0.1") -> Iterator[Issuer]:
    """Serve an issuer over HTTPS at this address of the machine until the block ends.

    Write its certificate authority, certificate and key to the directory.
    """
    keys = (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1()))
    issuer = Issuer("", Path(), *keys)

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

    with serve_https(directory, "issuer", Handler, address) as (issuer.url, issuer.ca_file):
        yield issuer
