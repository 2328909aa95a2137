"""Helm charts and chart repositories for tests."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

from testkit.chart_registry import USER
from testkit.control_plane import binary_path
from testkit.https_server import serve_https


def write_chart(directory: Path, files: Mapping[str, str]) -> None:
    """Write the files of a chart."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def add_to_repository(chart: Path, repository: Path) -> None:
    """Package a chart into the directory of a chart repository, and write the index of the repository."""
    for command in (
        ("package", str(chart), "--destination", str(repository)),
        ("repo", "index", str(repository)),
    ):
        subprocess.run([binary_path("helm"), *command], check=True, capture_output=True, timeout=60)


class _Files(SimpleHTTPRequestHandler):
    """Serves a directory, with `password` only to `USER`."""

    def __init__(self, *arguments: Any, password: str = "", **options: Any) -> None:  # noqa: ANN401
        self.password = password
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        expected = "Basic " + base64.b64encode(f"{USER}:{self.password}".encode()).decode()
        if self.password and self.headers.get("Authorization") != expected:
            self.send_error(HTTPStatus.UNAUTHORIZED)
            return
        super().do_GET()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def serve_files(root: Path, directory: Path, password: str = "") -> Iterator[tuple[str, Path]]:
    """Serve a directory over HTTPS, with a password only to `USER`.

    Yield its URL and the certificate authority. The files of the server are in `root`.
    """
    handler: Any = partial(_Files, directory=str(directory), password=password)
    with serve_https(root, directory.name, handler) as (url, ca_file):
        yield url, ca_file
