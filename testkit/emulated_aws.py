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
import sys
from lab.cloud.aws.__main__ import serve_api
from lab.cloud.aws.sessions import Sessions
from lab.cloud.running import admin_secret
serve_api(sys.argv[1], "127.0.0.1", int(sys.argv[2]), Sessions(admin_secret(sys.argv[1])), None)
"""


@contextmanager
def emulated_aws(state: Path) -> Iterator[Mapping[str, str]]:
    """Serve an empty account. Yield the environment variables of its deployer.

    The caller must set `KUBEWRIGHT_STATE` to `state`, where the emulation stores its files.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": ADMIN,
        "AWS_SECRET_ACCESS_KEY": admin_secret(LAB),
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    log = (state / "emulated-aws.log").open("wb")
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVE, LAB, str(port)],
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


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
