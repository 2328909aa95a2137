"""The command that serves the emulated Azure in the network namespace of the gateway: `python -m
lab.cloud.azure LAB`.
"""

from __future__ import annotations

import ssl
import sys

from lab import spec
from lab.cloud.azure.attestation import Attestation
from lab.cloud.azure.metadata import Metadata
from lab.cloud.azure.responses import Server, in_background
from lab.cloud.azure.store import store_server
from lab.cloud.azure.tokens import AccessTokens
from lab.cloud.ports import API_PORT, METADATA_PORT
from lab.cloud.running import MachineStates, admin_secret
from lab.paths import LabPaths


def main(lab: str) -> None:
    """Serve requests until the process is killed. Raise OSError if an address is in use."""
    paths = LabPaths.of(lab)
    gateway = str(spec.read(paths.spec).gateway)
    tokens = AccessTokens(admin_secret(lab))
    attestation = Attestation.of(paths, f"http://{gateway}:{METADATA_PORT}")
    attributes = {"states": MachineStates.of(lab), "tokens": tokens, "attestation": attestation}
    metadata = Server((gateway, METADATA_PORT), type("MetadataHandler", (Metadata,), attributes))
    store = store_server(lab, (gateway, API_PORT), tokens)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths.gateway_certificate, paths.gateway_key)
    store.socket = context.wrap_socket(store.socket, server_side=True, do_handshake_on_connect=False)
    with in_background(metadata):
        store.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
