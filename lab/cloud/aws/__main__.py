"""The command that serves the emulated AWS in the network namespace of the gateway: `python -m
lab.cloud.aws LAB`.
"""

from __future__ import annotations

import sys
import threading
from http.server import ThreadingHTTPServer

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

from lab import spec
from lab.cloud.aws.api import Api
from lab.cloud.aws.metadata import Metadata
from lab.cloud.aws.sessions import Sessions
from lab.cloud.ports import API_PORT, METADATA_PORT
from lab.cloud.running import MachineStates, admin_secret
from lab.paths import LabPaths


def main(lab: str) -> None:
    """Serve requests until the process is killed. Raise OSError if an address is in use."""
    paths = LabPaths.of(lab)
    gateway = str(spec.read(paths.spec).gateway)
    states, sessions = MachineStates.of(lab), Sessions(admin_secret(lab))
    handler = type("Handler", (Metadata,), {"states": states, "sessions": sessions})
    metadata = ThreadingHTTPServer((gateway, METADATA_PORT), handler)
    threading.Thread(target=metadata.serve_forever, daemon=True).start()
    make_server(
        gateway,
        API_PORT,
        Api(lab, states, sessions),
        threaded=True,
        request_handler=MotoRequestHandler,
        ssl_context=(str(paths.gateway_certificate), str(paths.gateway_key)),
    ).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
