"""The emulated AWS API on the loopback interface, without a lab, for tests of the stand-in plugin."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab.cloud.running import ADMIN, admin_secret
from testkit.cluster import CHECKOUT
from testkit.wait import eventually

LAB = "unit"
REGION = "eu-central-1"
_SERVE = """\
import sys, threading
from http.server import ThreadingHTTPServer
from lab.cloud.aws.__main__ import serve_api
from lab.cloud.aws.metadata import Metadata
from lab.cloud.aws.sessions import Sessions
from lab.cloud.running import MachineStates, admin_secret
lab, port, metadata_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
Metadata.states, Metadata.sessions = MachineStates.of(lab), Sessions(admin_secret(lab))
metadata = ThreadingHTTPServer(("127.0.0.1", metadata_port), Metadata)
threading.Thread(target=metadata.serve_forever, daemon=True).start()
serve_api(lab, "127.0.0.1", port, Metadata.sessions, None)
"""


@contextmanager
def emulated_aws(state: Path) -> Iterator[Mapping[str, str]]:
    """Serve an empty account. Yield the environment variables of its deployer, and of the machine with the
    address 127.0.0.1, if the list of running machines has one.

    The caller must set `KUBEWRIGHT_STATE` to `state`, where the emulation stores its files.
    """
    port, metadata_port = _free_port(), _free_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": ADMIN,
        "AWS_SECRET_ACCESS_KEY": admin_secret(LAB),
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{metadata_port}",
    }
    log = (state / "emulated-aws.log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVE, LAB, str(port), str(metadata_port)],
        cwd=CHECKOUT,
        env={**os.environ, "KUBEWRIGHT_STATE": str(state)},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        eventually("the emulated API answers", lambda: _answers(port), timeout=240, interval=0.2)
        yield variables
    finally:
        server.kill()
        server.wait()
        log.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
