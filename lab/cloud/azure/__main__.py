"""The command that serves the emulated Azure in the network namespace of the gateway: `python -m
lab.cloud.azure LAB`.
"""

from __future__ import annotations

import ssl
import sys
import threading

from lab import spec
from lab.cloud.azure.metadata import Metadata
from lab.cloud.azure.responses import Server
from lab.cloud.azure.store import Store
from lab.cloud.azure.tokens import AccessTokens
from lab.cloud.ports import API_PORT, METADATA_PORT
from lab.cloud.running import MachineStates, admin_secret
from lab.paths import LabPaths


def main(lab: str) -> None:
    """Serve requests until the process is killed. Raise OSError if an address is in use."""
    paths = LabPaths.of(lab)
    gateway = str(spec.read(paths.spec).gateway)
    common = {"states": MachineStates.of(lab), "tokens": AccessTokens(admin_secret(lab))}
    metadata = Server((gateway, METADATA_PORT), type("MetadataHandler", (Metadata,), common))
    threading.Thread(target=metadata.serve_forever, daemon=True).start()
    store_attributes: dict[str, object] = {"lab": lab, "blobs": {}}
    store = Server((gateway, API_PORT), type("StoreHandler", (Store,), common | store_attributes))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths.gateway_certificate, paths.gateway_key)
    store.socket = context.wrap_socket(store.socket, server_side=True, do_handshake_on_connect=False)
    store.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
