"""containerd without a runtime on this machine, which fetches images as nodes do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from testkit.control_plane import binary_path
from testkit.wait import eventually


@dataclass(frozen=True)
class Containerd:
    """A running containerd. Its data and its files of registries are in `directory`."""

    directory: Path

    def write_hosts(self, registry: str, text: str) -> None:
        """Write the hosts.toml of a registry."""
        path = self.directory / "certs.d" / registry / "hosts.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def pull(self, image: str, *, user: str = "", password: str = "") -> subprocess.CompletedProcess[str]:
        """Fetch all blobs of an image, without unpacking them, which needs mounts.

        The kubelet passes the login of a pull secret as `user` and `password`.
        """
        login = [f"--user={user}:{password}"] if user else []
        return self._ctr("content", "fetch", f"--hosts-dir={self.directory}/certs.d", *login, image)

    def images(self) -> list[str]:
        """Return the names of all images."""
        return self._ctr("images", "list", "--quiet").stdout.split()

    def answers(self) -> bool:
        """Check whether containerd answers."""
        return self._ctr("version").returncode == 0

    def _ctr(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [binary_path("ctr"), f"--address={self.directory}/containerd.sock", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def run_containerd(directory: Path) -> Iterator[Containerd]:
    """Run containerd until the block ends. Skip the test without root, which containerd needs."""
    if os.geteuid() != 0:
        pytest.skip("containerd needs root")
    directory.mkdir(parents=True)
    node = Containerd(directory)
    config = directory / "config.toml"
    config.write_text(
        "version = 3\n"
        f'root = "{directory}/root"\n'
        f'state = "{directory}/state"\n'
        'disabled_plugins = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", '
        '"io.containerd.grpc.v1.cri", "io.containerd.nri.v1.nri"]\n'
        f'[grpc]\naddress = "{directory}/containerd.sock"\n'
        f'[ttrpc]\naddress = "{directory}/containerd.sock.ttrpc"\n'
        f'[plugins."io.containerd.internal.v1.opt"]\npath = "{directory}/opt"\n'
    )
    with (directory / "containerd.log").open("wb") as log:
        command = [binary_path("containerd"), f"--config={config}"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        eventually("containerd answers", node.answers, timeout=30, interval=0.5)
        yield node
    finally:
        process.terminate()
        process.wait(timeout=30)
