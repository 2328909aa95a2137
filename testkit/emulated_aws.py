"""The emulated AWS API on the loopback interface, without a lab, for tests of the stand-in plugin."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.cloud.running import ADMIN, admin_secret
from testkit.cluster import CHECKOUT
from testkit.wait import eventually

LAB = "unit"
REGION = "eu-central-1"
_SERVE = """\
import sys, threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from lab.cloud.aws.__main__ import api_server
from lab.cloud.aws.metadata import Metadata
from lab.cloud.aws.sessions import Sessions
from lab.cloud.running import MachineStates, admin_secret
from lab.keys import write_atomically
lab, ports, address, certificate = sys.argv[1], Path(sys.argv[2]), sys.argv[3], tuple(sys.argv[4:]) or None
Metadata.states, Metadata.sessions = MachineStates.of(lab), Sessions(admin_secret(lab))
metadata = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
threading.Thread(target=metadata.serve_forever, daemon=True).start()
api = api_server(lab, address, 0, Metadata.sessions, certificate)
write_atomically(ports, f"{api.server_port} {metadata.server_port}", mode=0o600)
api.serve_forever()
"""


@contextmanager
def emulated_aws(
    state: Path, certificate: Sequence[Path] = (), address: str = "127.0.0.1"
) -> Iterator[Mapping[str, str]]:
    """Serve an empty account. Yield the environment variables of its deployer, and of the machine with the
    address 127.0.0.1, if the list of running machines has one.

    The caller must set `KUBEWRIGHT_STATE` to `state`, where the emulation stores its files. `certificate` are
    the files of a certificate and its key; without them the API speaks HTTP. The API listens on `address`.
    """
    log, ports = state / "emulated-aws.log", state / "emulated-aws.ports"
    ports.unlink(missing_ok=True)
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-c", _SERVE, LAB, str(ports), address, *map(str, certificate)],
            cwd=CHECKOUT,
            env={**os.environ, "KUBEWRIGHT_STATE": str(state)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def listens() -> bool:
        if server.poll() is not None:
            pytest.fail(f"the emulated API ended: {log.read_text()}")
        return ports.exists()

    try:
        # A server that takes a free port itself cannot lose it to another test.
        eventually("the emulated API listens", listens, timeout=240, interval=0.2)
        port, metadata_port = ports.read_text().split()
        yield {
            "AWS_ENDPOINT_URL": f"http{'s' if certificate else ''}://{address}:{port}",
            "AWS_ACCESS_KEY_ID": ADMIN,
            "AWS_SECRET_ACCESS_KEY": admin_secret(LAB),
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{metadata_port}",
        }
    finally:
        server.kill()
        server.wait()
