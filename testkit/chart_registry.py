"""An image registry with TLS on loopback that has Helm charts."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.bcrypt import bcrypt_hash
from testkit.artifact_server import create_self_signed_certificate
from testkit.control_plane import binary_path, free_ports
from testkit.wait import eventually

USER = "ci"
"""The user of a registry with login."""


@dataclass(frozen=True)
class ChartRegistry:
    """A registry with the address `host`, such as `127.0.0.1:5000`, whose certificate is `ca_file`."""

    host: str
    ca_file: Path
    directory: Path
    password: str = ""
    """The password of the user `ci`; empty for a registry without login."""

    def push(self, chart: Path) -> str:
        """Push a chart under its version. Replace an earlier chart of this version. Return its digest."""
        if self.password:
            login = ("registry", "login", self.host, "--username", USER, "--password-stdin")
            self._helm(*login, "--ca-file", str(self.ca_file), stdin=self.password)
        packaged = self._helm("package", str(chart), "--destination", str(self.directory))
        archive = packaged.rpartition(": ")[2].strip()
        pushed = self._helm("push", archive, f"oci://{self.host}/charts", "--ca-file", str(self.ca_file))
        found = re.search(r"sha256:[0-9a-f]{64}", pushed)
        assert found, pushed
        return found.group()

    def answers(self) -> bool:
        """Check whether the registry accepts connections."""
        host, _, port = self.host.partition(":")
        try:
            with socket.create_connection((host, int(port)), timeout=1):
                return True
        except OSError:
            return False

    def _helm(self, *arguments: str, stdin: str = "") -> str:
        result = subprocess.run(
            [binary_path("helm"), *arguments],
            env=os.environ | {"HELM_REGISTRY_CONFIG": str(self.directory / "push-logins.json")},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout + result.stderr


@contextmanager
def serve_charts(directory: Path, password: str = "") -> Iterator[ChartRegistry]:
    """Start an empty registry until the block ends. With `password`, it requires the login of `USER`."""
    certificate, key = create_self_signed_certificate(directory)
    registry = ChartRegistry(f"127.0.0.1:{free_ports(1)[0]}", certificate, directory, password)
    users = directory / "htpasswd"
    users.write_text(f"{USER}:{bcrypt_hash(password, 'test', USER)}\n" if password else "")
    configuration: dict[str, object] = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(directory / "storage")}},
        "http": {
            "addr": registry.host,
            "secret": "test",
            "tls": {"certificate": str(certificate), "key": str(key)},
        },
    }
    if password:
        configuration["auth"] = {"htpasswd": {"realm": "charts", "path": str(users)}}
    path = directory / "registry.yml"
    path.write_text(json.dumps(configuration))
    with (directory / "registry.log").open("wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(path)], stdout=log, stderr=log)
    try:
        eventually("the registry answers", registry.answers, timeout=20, interval=0.2)
        yield registry
    finally:
        process.terminate()
        process.wait(timeout=20)
