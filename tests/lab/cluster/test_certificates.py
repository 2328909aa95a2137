"""Lab tests of kubelet certificates, which the API issues, the cluster approves and kubelets rotate."""

from __future__ import annotations

import base64
import json
from ipaddress import ip_address
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from testkit.cluster import Cluster
from testkit.wait import eventually

NODE_CREDENTIALS = "--kubeconfig=/var/lib/kubelet/kubeconfig"
KUBECTL = "/usr/local/lib/kubewright/bin/kubectl"
STRAY = "kwtest-stray"


def test_workers_get_certificates_from_the_api_and_rotate_them(cluster: Cluster) -> None:
    approved = {
        (request["spec"]["signerName"], request["spec"]["username"])
        for request in cluster.items("certificatesigningrequests")
        if any(c["type"] == "Approved" for c in request["status"].get("conditions", []))
        and request["status"].get("certificate")
    }
    clients = {who for signer, who in approved if signer == "kubernetes.io/kube-apiserver-client-kubelet"}
    assert any(who.startswith("system:bootstrap:") for who in clients), f"no node joined by token: {approved}"
    for host in cluster.workers:
        serving = ("kubernetes.io/kubelet-serving", f"system:node:{host}")
        assert serving in approved, f"{host}: no serving certificate was requested and approved: {approved}"
        configuration = _kubelet_configuration(cluster, host)
        assert configuration["rotateCertificates"] is True, host
        assert configuration["serverTLSBootstrap"] is True, host
        current = cluster.ssh(host, "readlink /var/lib/kubelet/pki/kubelet-client-current.pem").stdout
        assert "kubelet-client-" in current, f"{host}: {current}"


def test_deleted_serving_certificate_of_a_kubelet_is_replaced(cluster: Cluster) -> None:
    """The kubelet requests a new certificate, which the cluster approves and signs automatically."""
    node = cluster.workers[0]
    link = "/var/lib/kubelet/pki/kubelet-server-current.pem"
    before = cluster.ssh(node, f"readlink {link}").stdout
    assert before
    try:
        cluster.ssh(node, f"rm {link} && systemctl restart kubelet")
        changed = eventually(
            f"{node} has a new serving certificate",
            lambda: cluster.ssh(node, f"readlink {link}", check=False).stdout not in ("", before),
            timeout=60,
        )
        assert changed
    finally:
        cluster.wait_all_ready()
    eventually(
        f"{node} serves with it",
        lambda: cluster.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/healthz").stdout == "ok",
        timeout=30,
    )


@pytest.mark.parametrize(
    "alternative",
    [
        x509.DNSName("w-2"),
        x509.DNSName("kubernetes.default"),
        x509.IPAddress(ip_address("192.0.2.1")),
        "w-2",
    ],
    ids=["another node's name", "the API's name", "an address elsewhere", "another node's address"],
)
def test_node_gets_no_serving_certificate_for_another_node(
    cluster: Cluster, alternative: x509.GeneralName | str
) -> None:
    """A name of a host in `alternative` stands for the address of the host."""
    if isinstance(alternative, str):
        alternative = x509.IPAddress(ip_address(cluster.address(alternative)))
    node = cluster.workers[0]
    body: dict[str, Any] = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": STRAY},
        "spec": {
            "request": base64.b64encode(_certificate_request(f"system:node:{node}", alternative)).decode(),
            "signerName": "kubernetes.io/kubelet-serving",
            "usages": ["digital signature", "server auth"],
        },
    }
    cluster.ssh(node, f"cat <<'EOF' | {KUBECTL} {NODE_CREDENTIALS} create -f -\n{json.dumps(body)}\nEOF\n")
    try:

        def conditions() -> list[str]:
            status = cluster.get("csr", STRAY)["status"]
            return [condition["type"] for condition in status.get("conditions", [])]

        eventually("the request is denied", lambda: "Denied" in conditions(), timeout=30)
        assert "Approved" not in conditions()
    finally:
        cluster.kubectl("delete", "csr", STRAY)


def _certificate_request(common_name: str, alternative: x509.GeneralName) -> bytes:
    """Return a certificate request of a node with one alternative name, in PEM format."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    request = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def _kubelet_configuration(cluster: Cluster, host: str) -> dict[str, Any]:
    """Return the current configuration of a node's kubelet."""
    answer = cluster.kubectl("get", "--raw", f"/api/v1/nodes/{host}/proxy/configz").stdout
    configuration: dict[str, Any] = json.loads(answer)["kubeletconfig"]
    return configuration
