"""Attacks by root on a machine of a pool on Azure, with everything that the machine has."""

from __future__ import annotations

import base64
import json
import secrets
from urllib.request import urlopen

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lab.cloud.azure.attestation import ISSUER_PATH, Attestation
from lab.cloud.azure.instances import machine_id
from lab.cloud.running import RunningMachine
from testkit.azure_joins import nonce
from testkit.certificates import issue_certificate
from tests.clouds.stolen_credentials import RootShell


class AzureRootShell(RootShell):
    """A root shell on the machine of a pool on Azure. `boot` calls a function of the boot program."""

    boot = "sh /usr/local/lib/kubewright-boot/boot call"

    def document(self, token: str) -> str:
        """Return the document of this machine for a token, as the metadata service gives it."""
        path = f"/metadata/attested/document?api-version=2020-09-01&nonce={nonce(token)}"
        output = self.cluster.cloud.run(
            self.host, f"curl -sf -H Metadata:true '{self.cluster.cloud.metadata_url}{path}'"
        )
        return str(json.loads(output)["signature"])

    def forged_document(self, machine: RunningMachine, token: str) -> str:
        """Return a document of another machine that a self-made authority has signed in the name of Azure."""
        root = issue_certificate("DigiCert Global Root G2")
        forger = Attestation.create(root.certificate, root.key, self.cluster.cloud.metadata_url)
        subscription = machine.id.split("/")[2]
        return base64.b64encode(forger.sign(machine_id(machine), subscription, nonce(token))).decode()

    def put(self, name: str) -> str:
        """Return the call that writes the file of this shell as a blob below `joins`."""
        return f"azure_blob joins {name} --header 'x-ms-blob-type: BlockBlob' --upload-file /run/kwtest"

    def write_join(self, owner: RunningMachine, machine: RunningMachine, token: str, document: str) -> None:
        """Write a token in the name of `owner`, with the path of `machine` and a document."""
        with urlopen(f"{self.cluster.cloud.metadata_url}{ISSUER_PATH}", timeout=20) as response:
            issuer = x509.load_der_x509_certificate(response.read()).public_bytes(Encoding.PEM).decode()
        join = {"token": token, "machine": machine.id, "document": document, "issuers": issuer}
        call = f"{self.boot} {self.put(f'{machine_id(owner)}/{secrets.token_hex(8)}')}"
        output = self.run(f"cat >/run/kwtest <<'EOF'\n{json.dumps(join)}\nEOF\n{call}")
        assert "code 0" in output, output
