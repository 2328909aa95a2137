"""Emulates the part of the Pulumi Cloud API that previews need: stacks, secrets, environments, updates.

The server listens on loopback. Its encryption only flips the bytes of a value and protects nothing. The paths
and fields are the ones that version 3.259 of the engine uses.
"""

from __future__ import annotations

import base64
import gzip
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ORGANIZATION = "acme"
TOKEN = "pul-token-of-a-test"
_STACKS = f"/api/stacks/{ORGANIZATION}/kubewright"
_ENVIRONMENTS = f"/api/esc/environments/{ORGANIZATION}/yaml/open"


@dataclass(frozen=True)
class EnvironmentSecret:
    """A secret value of an environment."""

    value: object


@dataclass
class PulumiCloud:
    """The data of the emulated service. `environment` is the `pulumiConfig` of its only environment."""

    environment: Mapping[str, object]
    url: str = ""
    stacks: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Any) -> Any:  # noqa: ANN401  JSON of any shape
        """Return the response to a request; None if the path does not exist."""
        self.requests.append(f"{method} {path}")
        if path == "/api/user":
            return {"githubLogin": "me", "name": "me", "organizations": [{"githubLogin": ORGANIZATION}]}
        if path in ("/api/capabilities", "/api/user/organizations/default"):
            return {}
        if path == _ENVIRONMENTS:
            return {"id": "opened"}
        if path == f"{_ENVIRONMENTS}/opened":
            return {"properties": {"pulumiConfig": _environment_value(self.environment)}}
        if path == _STACKS:
            self.stacks.add(body["stackName"])
            return {}
        name, _, action = path.removeprefix(f"{_STACKS}/").partition("/")
        return self._answer_about_stack(name, action, body) if name in self.stacks else None

    def _answer_about_stack(self, name: str, action: str, body: Any) -> Any:  # noqa: ANN401
        if action == "":
            return {
                "orgName": ORGANIZATION,
                "projectName": "kubewright",
                "stackName": name,
                "activeUpdate": "",
                "tags": {},
                "version": 1,
            }
        if action == "encrypt":
            return {"ciphertext": _flip(body["plaintext"])}
        if action == "decrypt":
            return {"plaintext": _flip(body["ciphertext"])}
        if action == "batch-decrypt":
            return {"plaintexts": {text: _flip(text) for text in body["ciphertexts"]}}
        if action == "export":
            return {"version": 3, "deployment": {}}
        if action == "preview":
            return {"updateID": "u1", "requiredPolicies": []}
        if action == "update/u1":  # a preview uses this path too
            return {"version": 1, "token": "lease", "tokenExpiration": 4_000_000_000}
        return {}


@contextmanager
def serve_pulumi_cloud(environment: Mapping[str, object]) -> Iterator[PulumiCloud]:
    """Serve the API until the block ends. Every stack can import the environment."""
    cloud = PulumiCloud(environment)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(length)
            if self.headers.get("Content-Encoding") == "gzip":
                content = gzip.decompress(content)
            body = json.loads(content or b"{}")
            answer = cloud.answer(self.command, self.path.partition("?")[0], body)
            code = 404 if answer is None else 200
            response = json.dumps({"code": code, "message": "not found"} if answer is None else answer)
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(response)))
            self.end_headers()
            self.wfile.write(response.encode())

        do_GET = do_PATCH = do_DELETE = do_PUT = do_POST

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        cloud.url = f"http://127.0.0.1:{server.server_port}"
        yield cloud
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def log_in(home: Path, url: str) -> dict[str, str]:
    """Write the credentials that `pulumi login` writes to `home`. Return the environment variables of the
    user.
    """
    home.mkdir()
    credentials = {
        "current": url,
        "accessTokens": {url: TOKEN},
        "accounts": {url: {"accessToken": TOKEN, "username": "me"}},
    }
    (home / "credentials.json").write_text(json.dumps(credentials))
    return {"PULUMI_HOME": str(home)}


def _environment_value(value: object) -> dict[str, object]:
    """Return a value in the format of the API, in which every nested value is wrapped in a mapping."""
    if isinstance(value, EnvironmentSecret):
        return {**_environment_value(value.value), "secret": True}
    inner: object = value
    if isinstance(value, Mapping):
        inner = {key: _environment_value(item) for key, item in value.items()}
    elif isinstance(value, list):
        inner = [_environment_value(item) for item in value]
    return {"value": inner, "trace": {}}


def _flip(text: str) -> str:
    """Return the base64 text of the flipped bytes of a base64 text."""
    return base64.b64encode(bytes(byte ^ 0x5A for byte in base64.b64decode(text))).decode()
