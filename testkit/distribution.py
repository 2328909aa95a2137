"""The registry of distribution on loopback, with the configuration that its pods have."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from artifacts import oci
from artifacts.oci import Config, Entry
from components.addons.distribution_config import DIRECTORY, PORT, READER_FILE, STORAGE, WRITER_FILE
from components.addons.pull_secrets import docker_configuration
from testkit.certificates import issue_certificate
from testkit.control_plane import binary_path, free_ports
from testkit.wait import eventually


@dataclass
class LoopbackRegistry:
    """The files of the pods, in `directory` in place of their paths, and a server that reads them.

    `configuration` is the content of config.yml or read-only.yml. `environment` has the secrets of the store.
    """

    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0

    def __post_init__(self) -> None:
        [self.port] = free_ports(1)
        authority = issue_certificate("registry-ca")
        server = issue_certificate("registry", issuer=authority, server=True)
        for name, content in {
            "ca.crt": authority.certificate_pem,
            "tls/tls.crt": server.certificate_pem,
            "tls/tls.key": server.key_pem,
        }.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    @property
    def host(self) -> str:
        """The name of the registry in names of images."""
        return f"127.0.0.1:{self.port}"

    @property
    def images(self) -> Path:
        """The directory of the volume."""
        return self.directory / "images"

    def write(self, path: str, text: str) -> None:
        """Write a file that pods have at `path`."""
        target = self.directory / path.removeprefix(f"{DIRECTORY}/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def write_settings(self, files: Mapping[str, str]) -> None:
        """Write the files of the ConfigMap. Paths and the port become those of this machine."""
        for name, text in files.items():
            if name in (WRITER_FILE, READER_FILE):
                text = text.replace(DIRECTORY, str(self.directory)).replace(STORAGE, str(self.images))
                text = text.replace(f'":{PORT}"', f'"{self.host}"')
            self.write(f"{DIRECTORY}/settings/{name}", text)

    @contextmanager
    def serve(self, file: str = WRITER_FILE) -> Iterator[None]:
        """Run the server until the block ends. It ends gracefully, as in a pod."""
        log = (self.directory / f"{file}.log").open("ab")
        command = [binary_path("registry"), "serve", str(self.directory / "settings" / file)]
        process = subprocess.Popen(command, env=self._variables(), stdout=log, stderr=log)

        def answers() -> bool:
            assert process.poll() is None, (self.directory / f"{file}.log").read_text()[-2000:]
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", self.port)) == 0

        try:
            eventually("the registry answers", answers, timeout=30, interval=0.2)
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)
            log.close()

    def collect(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run garbage collection with the same configuration."""
        command = [binary_path("registry"), "garbage-collect", *options]
        command.append(str(self.directory / "settings" / WRITER_FILE))
        return subprocess.run(
            command, env=self._variables(), capture_output=True, text=True, timeout=120, check=False
        )

    def _variables(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "OTEL_TRACES_EXPORTER": "none",
            "REGISTRY_HTTP_SECRET": "secret of this test",
            **self.environment,
        }

    def crane(self, *words: str, user: str = "", password: str = "") -> subprocess.CompletedProcess[str]:
        """Run crane with the login that a pull secret has; without `user`, without a login."""
        login = docker_configuration(self.host, user, password) if user else "{}"
        home = self.directory / f"client-{user or 'anonymous'}"
        home.mkdir(exist_ok=True)
        (home / "config.json").write_text(login)
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "DOCKER_CONFIG": str(home),
            "SSL_CERT_FILE": str(self.directory / "ca.crt"),
        }
        return subprocess.run(
            [binary_path("crane"), *words],
            env=variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def blobs(self) -> set[str]:
        """Return the digests of all blobs of the volume."""
        root = self.images / "docker/registry/v2/blobs"
        return {f"sha256:{path.parent.name}" for path in root.rglob("data")}


def make_image(directory: Path, name: str) -> tuple[Path, str, list[str]]:
    """Write an image with content of its own. Return its layout, its digest and the digests of its blobs."""
    layout = directory / name
    layout.mkdir(parents=True)
    entries = [Entry(f"{name}.txt", os.urandom(4096)), Entry("etc", directory=True, mode=0o755)]
    digest = oci.write_layout(layout, f"example.test/{name}:1", "amd64", entries, Config(command=(name,)))
    manifest: Any = json.loads((layout / "blobs" / digest.replace(":", "/")).read_text())
    return layout, digest, [manifest["config"]["digest"], *(item["digest"] for item in manifest["layers"])]
