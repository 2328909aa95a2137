"""Emulates the transit engine of HashiCorp Vault on loopback, which encrypts and decrypts with a key.

Tests with this service apply to every key management service, because the engine uses all of them in the same
way: the service encrypts a data key, and the stack file contains the encrypted data key. The emulated
encryption is an XOR and protects nothing.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROVIDER = "hashivault://kubewright"
_PREFIX = "vault:v1:"


class _Transit(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "/encrypt/" in self.path:
            data = {"ciphertext": _PREFIX + _flip(request["plaintext"])}
        else:
            data = {"plaintext": _flip(request["ciphertext"].removeprefix(_PREFIX))}
        content = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT

    def log_message(self, *_: object) -> None:
        """Print nothing, because the requests contain the data key."""


@contextmanager
def serve_vault() -> Iterator[dict[str, str]]:
    """Serve the transit engine until the block ends. Yield the environment variables for clients."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Transit)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        yield {"VAULT_ADDR": address, "VAULT_TOKEN": "vault-test-token"}
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _flip(text: str) -> str:
    """Return the base64 text of the flipped bytes of a base64 text."""
    return base64.b64encode(bytes(byte ^ 0x5A for byte in base64.b64decode(text))).decode()
