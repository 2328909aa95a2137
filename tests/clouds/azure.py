"""An emulated Azure subscription for tests. The test acts as the account holder."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from urllib.request import Request, urlopen
from xml.etree import ElementTree

from lab import volumes
from lab.cloud.running import RunningMachine, admin_secret
from tests.clouds.emulated_cloud import EmulatedCloud

LOCATION = "westeurope"


@dataclass(frozen=True, slots=True)
class MachineStart:
    """A machine to start, with its custom data and its disks (names and sizes in bytes, by LUN)."""

    machine: RunningMachine
    user_data: str
    disks: tuple[tuple[str, int], ...] = ()


class EmulatedAzure(EmulatedCloud):
    """An emulated Azure subscription with one storage account."""

    def put(self, path: str, content: str) -> None:
        """Write a blob: `container/name`."""
        self._call("PUT", path, content.encode())

    def get(self, path: str) -> str:
        """Read a blob. Raise HTTPError when it does not exist."""
        return self._call("GET", path)

    def delete(self, path: str) -> None:
        """Delete a blob. Raise HTTPError when it does not exist."""
        self._call("DELETE", path)

    def keys(self, container: str) -> list[str]:
        """Return the names of all blobs of a container."""
        listing = self._call("GET", f"{container}?restype=container&comp=list")
        return [name.text or "" for name in ElementTree.fromstring(listing).iter("Name")]

    def launch(self, *starts: MachineStart) -> None:
        """Launch machines at the same time and attach their disks."""
        self.boot([(start.machine, start.user_data) for start in starts])
        for start in starts:
            for lun, (disk, size) in enumerate(start.disks):
                volumes.create(self.lab, disk, size)
                link = f"/dev/disk/azure/data/by-lun/{lun}"
                volumes.attach(self.lab, disk, start.machine.host, [link])

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
        return self.send(request)

    def send(self, request: Request) -> str:
        """Send a request and return the body of the response. Raise HTTPError for a refusal."""
        context = ssl.create_default_context(cafile=str(self.ca))
        with urlopen(request, timeout=20, context=context) as response:
            return str(response.read().decode())
