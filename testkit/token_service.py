"""A token service of a registry, with TLS on loopback.

https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.serialization import Encoding

from testkit.certificates import CertificateAndKey, issue_certificate
from testkit.https_server import serve_https

Users = Mapping[str, tuple[str, Sequence[str]]]
"""The password of each user, and the actions that the user may do in all repositories."""


@dataclass
class TokenServer:
    """A running service. `certificate` (PEM) verifies its tokens, `ca_file` its TLS certificate.

    `audiences` are the services for which clients asked for tokens.
    """

    url: str
    ca_file: Path
    certificate: str
    audiences: set[str] = field(default_factory=set)


@contextmanager
def serve_tokens(directory: Path, *, issuer: str, users: Users) -> Iterator[TokenServer]:
    """Give tokens to users until the block ends. Users without a password get none."""
    authority = issue_certificate("token-ca")
    signer = issue_certificate("token-signer", issuer=authority)
    audiences: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            user = _user(self.headers.get("Authorization", ""), users)
            if user is None:
                self._answer(401, {"errors": [{"code": "UNAUTHORIZED"}]})
                return
            query = parse_qs(urlsplit(self.path).query)
            audiences.update(query["service"])
            claims = _claims(issuer, user, users[user][1], query)
            self._answer(200, {"token": _signed(claims, signer), "expires_in": 60})

        def do_POST(self) -> None:
            """Refuse OAuth 2, which containerd tries first, as services that only have the older protocol."""
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self._answer(405, {"errors": [{"code": "UNSUPPORTED"}]})

        def _answer(self, status: int, document: Mapping[str, Any]) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log nothing: requests have passwords."""

    with serve_https(directory, "tokens", Handler) as (url, ca_file):
        yield TokenServer(f"{url}/token", ca_file, authority.certificate_pem.decode(), audiences)


def _user(authorization: str, users: Users) -> str | None:
    """Return the user of a login; None for a wrong login."""
    login = base64.b64decode(authorization.removeprefix("Basic ")).decode()
    name, _, password = login.partition(":")
    return name if name in users and users[name][0] == password else None


def _claims(issuer: str, user: str, actions: Sequence[str], query: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return the content of a token, with those of the requested actions that the user may do."""
    now = int(time.time())
    access = []
    for scope in " ".join(query.get("scope", [])).split():
        kind, name, wanted = scope.split(":")
        access.append(
            {"type": kind, "name": name, "actions": [item for item in wanted.split(",") if item in actions]}
        )
    times = {"iat": now, "nbf": now - 10, "exp": now + 60}
    return {"iss": issuer, "sub": user, "aud": query["service"][0], "access": access, **times}


def _signed(claims: Mapping[str, Any], signer: CertificateAndKey) -> str:
    chain = base64.b64encode(signer.certificate.public_bytes(Encoding.DER)).decode()
    return jwt.encode(dict(claims), signer.key, algorithm="ES256", headers={"x5c": [chain]})
