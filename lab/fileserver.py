"""The HTTPS file server of a mirror, a separate program in the namespace of the gateway.

The program imports only the standard library, so that it starts immediately.
"""

from __future__ import annotations

import os
import ssl
import sys
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer


class Files(SimpleHTTPRequestHandler):
    """HTTP handler that serves files, without directory listings. It supports only GET and HEAD."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    def list_directory(self, path: str | os.PathLike[str]) -> None:
        """Refuse to list a directory, because index.json lists the files."""
        self.send_error(HTTPStatus.NOT_FOUND, "No such file")


class Server(ThreadingHTTPServer):
    """HTTPS server with one thread and one TLS handshake per connection, so that a slow client blocks no
    other client.
    """

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Print one line with the reason why a connection failed."""
        print(f"{client_address}: {sys.exc_info()[1]}", file=sys.stderr, flush=True)


def serve(directory: str, address: str, port: int, certificate: str, key: str) -> None:
    """Serve the files of `directory` over HTTPS until the process is killed.

    `certificate` and `key` are the paths of PEM files.

    Raise OSError if the address is in use or a file is unreadable.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Server((address, port), partial(Files, directory=directory))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5])
