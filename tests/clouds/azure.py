"""The test's side of an emulated Azure: what the account holder does."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from urllib.request import Request, urlopen

from lab import volumes
from lab.cloud.running import Running, admin_secret
from tests.clouds.site import Site

LOCATION = "westeurope"


class Azure(Site):
    """A subscription, with one storage account."""

    def put(self, path: str, content: str) -> None:
        """Write a blob: `container/name`."""
        self._call("PUT", path, content.encode())

    def get(self, path: str) -> str:
        """Read a blob. Raises HTTPError without one."""
        return self._call("GET", path)

    def launch(self, *machines: tuple[Running, str, Sequence[tuple[str, int]]]) -> None:
        """Start machines, each with its custom data and its disks: their names and sizes in bytes, by lun."""
        self.boot([(machine, data) for machine, data, _ in machines])
        for machine, _, disks in machines:
            for lun, (disk, size) in enumerate(disks):
                volumes.create(self.lab, disk, size)
                volumes.attach(self.lab, disk, machine.host, [f"/dev/disk/azure/data/by-lun/{lun}"])

    def _call(self, method: str, path: str, body: bytes | None = None) -> str:
        request = Request(
            f"{self.url}/{path}",
            method=method,
            data=body,
            headers={
                "Authorization": f"Bearer {admin_secret(self.lab)}",
                "x-ms-version": "2021-12-02",
                "x-ms-blob-type": "BlockBlob",
            },
        )
        context = ssl.create_default_context(cafile=str(self.ca))
        with urlopen(request, timeout=20, context=context) as answer:
            return str(answer.read().decode())
