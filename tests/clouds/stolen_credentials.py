"""Attacks by root on a machine of a pool, with everything that the machine has."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from testkit.wait import eventually
from tests.clouds.cluster import CloudCluster
from tests.clouds.deployment import Deployment

_BOOT = "/usr/local/lib/kubewright-boot/boot"
_PKI = "/etc/kubernetes/pki"
TOKEN_FILE = f"{_PKI}/bootstrap.token"
UNAUTHORIZED = "asked for the client to provide credentials"
"""What kubectl says when the API server does not accept a token."""


def registered_machines(deployment: Deployment) -> dict[str, str]:
    """Return the names of the Secrets of machines' tokens, by the name of the machine."""
    secrets = deployment.items("secrets", "-n", "kube-system")
    groups = {
        item["metadata"]["name"]: base64.b64decode(item["data"]["auth-extra-groups"]).decode()
        for item in secrets
        if item["type"] == "bootstrap.kubernetes.io/token"
    }
    prefix = "system:bootstrappers:kubewright:machine:"
    return {group.removeprefix(prefix): name for name, group in groups.items() if group.startswith(prefix)}


@dataclass(frozen=True, kw_only=True)
class RootShell:
    """A root shell on the machine of a pool. `prefix` is the prefix of tokens in the store, encoded for a
    URL.
    """

    cluster: CloudCluster
    host: str
    api: str
    prefix: str

    def run(self, command: str) -> str:
        """Run a command that may fail. Return its outputs, with the exit code in the last line."""
        return self.cluster.cloud.run(self.host, f"( {command}\n) 2>&1; echo code $?")

    def write_token(self, machine: str, token: str) -> str:
        """Write a token for a machine to the store, with the role of this machine."""
        return self.run(
            f"echo {token} >/run/kwtest && sh {_BOOT} call cloud_put {self.prefix}/{machine} /run/kwtest"
        )

    def read_token(self, machine: str) -> str:
        """Read the token of a machine in the store, with the role of this machine."""
        return self.run(f"sh {_BOOT} call cloud_get {self.prefix}/{machine} -")

    def request(self, token: str, node: str, name: str) -> str:
        """Request the first certificate of a node with a bootstrap token. The request gets this name."""
        kubectl = (
            f"/usr/local/lib/kubewright/bin/kubectl --kubeconfig=/dev/null --server=https://{self.api}:6443 "
            f"--certificate-authority={_PKI}/kubernetes-ca.crt --token={token}"
        )
        body = json.dumps(certificate_request(node, name))
        return self.run(f"cat <<'EOF' | {kubectl} create --validate=false -f -\n{body}\nEOF")


def expect_used_tokens(shell: RootShell, victim: str) -> None:
    """Fail unless each worker had a token of its own, and no such token still gives a certificate."""
    cluster = shell.cluster
    tokens = {cluster.cloud.run(host, f"cat {TOKEN_FILE}") for host in cluster.workers}
    assert len(tokens) == len(cluster.workers)

    def removed() -> bool:
        return registered_machines(cluster.deployment) == {}

    eventually("tokens of machines that have joined are removed", removed, timeout=120, interval=3)
    for token in sorted(tokens):
        assert UNAUTHORIZED in shell.request(token, victim, "kwtest-used")


def certificate_request(node: str, name: str) -> dict[str, Any]:
    """Return the request of a new kubelet for its client certificate, with a new key."""
    words = [(NameOID.ORGANIZATION_NAME, "system:nodes"), (NameOID.COMMON_NAME, f"system:node:{node}")]
    subject = x509.Name([x509.NameAttribute(kind, text) for kind, text in words])
    signed = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "request": base64.b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["digital signature", "client auth"],
        },
    }
