"""A cache that already holds tiny stand-ins for every file, and an HTTPS server of our own authority."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from artifacts import catalogue, fetch, images, oci
from artifacts.cache import Cache
from artifacts.oci import Config, Entry
from artifacts.progress import Progress
from tests.unit.artifacts.support import Server, put, self_signed


@pytest.fixture(autouse=True)
def no_official_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEWRIGHT_OFFICIAL", "never")
    fetch.reachable.cache_clear()


@pytest.fixture
def progress() -> Progress:
    return Progress(quiet=True)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def full_cache(cache: Cache, tmp_path: Path) -> Cache:
    for item in catalogue.node_binaries():
        put(cache, item.name, item.version, f"content of {item.name}".encode(), tmp_path)
    for reference in catalogue.images():
        layout = cache.root / "images" / images.directory(reference)
        layout.mkdir(parents=True)
        oci.write(layout, reference, "amd64", [Entry("x", reference.encode())], Config())
        (layout / "complete.json").write_text("{}")
    return cache


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    certificate, key = self_signed(tmp_path)
    state = Server("", certificate)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_error(404)

        def do_GET(self) -> None:
            state.asked.append(self.path)
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
