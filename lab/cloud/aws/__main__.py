"""The command that serves the emulated AWS in the network namespace of the gateway: `python -m
lab.cloud.aws LAB`.
"""

from __future__ import annotations

import os
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

# moto reads these variables when it is imported. The only image is that of the lab. Roles for pods can have
# policies of AWS.
os.environ["MOTO_AMIS_PATH"] = str(Path(__file__).with_name("images.json"))
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from lab import spec
from lab.cloud.aws.api import Api
from lab.cloud.aws.metadata import Metadata
from lab.cloud.aws.sessions import Sessions
from lab.cloud.ports import API_PORT, METADATA_PORT
from lab.cloud.running import MachineStates, admin_secret
from lab.paths import LabPaths


def serve_metadata(lab: str, address: str, sessions: Sessions) -> None:
    """Serve the metadata service in a thread. Raise OSError if the address is in use."""
    handler = type("Handler", (Metadata,), {"states": MachineStates.of(lab), "sessions": sessions})
    metadata = ThreadingHTTPServer((address, METADATA_PORT), handler)
    threading.Thread(target=metadata.serve_forever, daemon=True).start()


def api_server(
    lab: str, address: str, port: int, sessions: Sessions, certificate: tuple[str, str] | None
) -> BaseWSGIServer:
    """Return a server of the API that listens. Raise OSError if the address is in use.

    `certificate` are the paths of a certificate and its key; None for HTTP. The port 0 is any free port.
    """
    return make_server(
        address,
        port,
        Api(lab, MachineStates.of(lab), sessions),
        threaded=True,
        request_handler=MotoRequestHandler,
        ssl_context=certificate,
    )


def main(lab: str) -> None:
    """Serve requests until the process is killed. Raise OSError if an address is in use."""
    paths = LabPaths.of(lab)
    gateway = str(spec.read(paths.spec).gateway)
    sessions = Sessions(admin_secret(lab))
    serve_metadata(lab, gateway, sessions)
    certificate = (str(paths.gateway_certificate), str(paths.gateway_key))
    api_server(lab, gateway, API_PORT, sessions, certificate).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
