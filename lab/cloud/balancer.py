"""An emulated TCP load balancer that forwards only to targets whose /readyz succeeds over HTTPS.

Run it as `python -m lab.cloud.balancer LAB`. A file in the state of the lab has the addresses of the
targets.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from lab import spec
from lab.cloud.ports import BALANCER_PORT
from lab.paths import LabPaths
from topology.ports import API_PORT

CHECK_SECONDS = 2.0
"""Real load balancers check every 5 to 10 seconds; a shorter interval only makes tests faster."""


def set_targets(lab: str, addresses: Sequence[str]) -> None:
    """Set the addresses of the API servers as the targets."""
    path = _targets_file(lab)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".new").write_text(json.dumps(list(addresses)))
    path.with_suffix(".new").replace(path)


class Balancer:
    """A load balancer that forwards each connection to the next healthy target, or closes the connection."""

    def __init__(self, lab: str) -> None:
        self._lab = lab
        self._healthy: list[str] = []
        self._connection_numbers = count()
        # As in the clouds, a health check does not verify the certificate of the target.
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    async def watch(self) -> None:
        """Check the health of the targets until the process ends."""
        while True:
            path = _targets_file(self._lab)
            targets = json.loads(path.read_text()) if path.exists() else []
            results = await asyncio.gather(*(self._is_ready(address) for address in targets))
            self._healthy = [address for address, is_ready in zip(targets, results, strict=True) if is_ready]
            await asyncio.sleep(CHECK_SECONDS)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection."""
        try:
            if not self._healthy:
                return
            target = self._healthy[next(self._connection_numbers) % len(self._healthy)]
            target_reader, target_writer = await asyncio.wait_for(
                asyncio.open_connection(target, API_PORT), 5
            )
            await asyncio.gather(_copy_stream(reader, target_writer), _copy_stream(target_reader, writer))
        except (OSError, TimeoutError):
            pass
        finally:
            writer.close()

    async def _is_ready(self, address: str) -> bool:
        try:
            async with asyncio.timeout(3):
                reader, writer = await asyncio.open_connection(address, API_PORT, ssl=self._context)
                writer.write(f"GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
                line = await reader.readline()
                writer.close()
            return line.split(b" ")[1:2] == [b"200"]
        except (OSError, TimeoutError):
            return False


async def _copy_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def _targets_file(lab: str) -> Path:
    return LabPaths.of(lab).cloud / "targets.json"


async def main(lab: str) -> None:
    """Serve connections until the process is killed. Raise OSError if the address is in use."""
    balancer = Balancer(lab)
    gateway = str(spec.read(LabPaths.of(lab).spec).gateway)
    server = await asyncio.start_server(balancer.serve, gateway, BALANCER_PORT)
    async with server:
        await balancer.watch()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
