"""Lab tests of attacks by root on w-1, with everything found on its disk [B4]."""

from __future__ import annotations

import base64
import json
import ssl
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nodeconfig.host_paths import KUBECTL_FUNCTION, PKI
from nodeconfig.node_labels import node_labels_script
from testkit import bundles
from testkit.cluster import Cluster
from testkit.process import CommandResult
from testkit.stolen_credentials import TOKEN, with_kube_proxy, with_kubelet, with_token
from testkit.wait import eventually

ATTACKER, VICTIM = "w-1", "w-2"
FIRST = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING = "kubernetes.io/kubelet-serving"
CLIENT = "kubernetes.io/kube-apiserver-client"
PREFIX = "kwtest-attack"
ANSWER_SECONDS = 10


def request(name: str, common_name: str, signer: str, *alternatives: x509.GeneralName) -> dict[str, Any]:
    """Return a request for a certificate of a node, with a new key."""
    words = [(NameOID.ORGANIZATION_NAME, "system:nodes"), (NameOID.COMMON_NAME, common_name)]
    subject = x509.Name([x509.NameAttribute(kind, text) for kind, text in words])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    usage = "server auth" if signer == SERVING else "client auth"
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": f"{PREFIX}-{name}"},
        "spec": {
            "request": base64.b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode(),
            "signerName": signer,
            "usages": ["digital signature", usage],
        },
    }


def send(cluster: Cluster, kubectl: str, body: dict[str, Any]) -> CommandResult:
    return cluster.ssh(
        ATTACKER, f"cat <<'EOF' | {kubectl} create -f -\n{json.dumps(body)}\nEOF\n", check=False
    )


@pytest.fixture(autouse=True)
def unchanged(cluster: Cluster) -> Iterator[None]:
    """Check that no attack changes another Node. Delete the attacker's requests."""

    def identity(host: str) -> dict[str, Any]:
        node = cluster.get("node", host)
        meta, status = node["metadata"], node["status"]
        return {
            "uid": meta["uid"],
            "labels": meta["labels"],
            "annotations": meta["annotations"],
            "owners": meta.get("ownerReferences"),
            "taints": node["spec"].get("taints"),
            "addresses": status["addresses"],
        }

    hosts = ("cp-1", VICTIM)
    before = {host: identity(host) for host in hosts}
    labels = cluster.get("node", ATTACKER)["metadata"]["labels"]
    yield
    assert {host: identity(host) for host in hosts} == before
    assert cluster.get("node", ATTACKER)["metadata"]["labels"] == labels
    attacks = [
        csr["metadata"]["name"]
        for csr in cluster.items("certificatesigningrequests")
        if csr["metadata"]["name"].startswith(PREFIX)
    ]
    if attacks:
        cluster.kubectl("delete", "csr", *attacks)


def assert_denied(cluster: Cluster, name: str, reason: str) -> None:
    def status() -> dict[str, Any]:
        found: dict[str, Any] = cluster.get("csr", f"{PREFIX}-{name}")["status"]
        return found

    eventually(f"{name} is answered", lambda: bool(status().get("conditions")), timeout=30)
    (condition,) = status()["conditions"]
    assert condition["type"] == "Denied", condition
    assert reason in condition["message"], condition
    assert "certificate" not in status()


def assert_never_signed(cluster: Cluster, names: list[str]) -> None:
    """Check that requests without approval have no certificate after some time."""
    time.sleep(ANSWER_SECONDS)
    for name in names:
        status = cluster.get("csr", f"{PREFIX}-{name}")["status"]
        assert "certificate" not in status, name
        assert "Approved" not in [condition["type"] for condition in status.get("conditions", [])], name


def test_the_disk_of_a_worker_has_no_shared_key(cluster: Cluster) -> None:
    """kube-proxy's certificate is the same on all nodes: it only reads services, endpoints and nodes."""
    keys = cluster.ssh(ATTACKER, f"ls {PKI}/*.key {PKI}/*.token").stdout.split()
    assert keys == [TOKEN, f"{PKI}/kube-proxy.key"]
    tokens = {host: cluster.ssh(host, f"cat {TOKEN}").stdout for host in cluster.nodes}
    assert len(set(tokens.values())) == len(cluster.nodes)


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (VICTIM, f'the token is that of node "{ATTACKER}", not of "{VICTIM}"'),
        ("cp-1", f'the token is that of node "{ATTACKER}", not of "cp-1"'),
        ("unknown", f'the token is that of node "{ATTACKER}", not of "unknown"'),
        ("kubernetes", '"kubernetes" is reserved'),
        (ATTACKER, f'node "{ATTACKER}" exists'),
    ],
)
def test_a_token_gives_no_identity(cluster: Cluster, node: str, reason: str) -> None:
    result = send(cluster, with_token(cluster), request("token", f"system:node:{node}", FIRST))
    assert result.code == 0, result.text
    assert_denied(cluster, "token", reason)


def test_the_certificate_of_a_kubelet_gives_no_other_identity(cluster: Cluster) -> None:
    attacks = {
        "node": request("node", f"system:node:{VICTIM}", FIRST),
        "plane": request("plane", "system:node:cp-1", FIRST),
        "client": request("client", f"system:node:{VICTIM}", CLIENT),
        "admin": request("admin", "kubewright:admin", CLIENT),
    }
    for name, body in attacks.items():
        result = send(cluster, with_kubelet(cluster), body)
        if body["spec"]["signerName"] == FIRST:
            assert f"can only create a node CSR with CN=system:node:{ATTACKER}" in result.text, name
        else:
            assert result.code == 0, result.text
    assert_never_signed(cluster, ["client", "admin"])


@pytest.mark.parametrize(
    ("alternative", "reason"),
    [
        (x509.DNSName("kubernetes.default.svc"), "is reserved"),
        (x509.DNSName("localhost"), "is reserved"),
        (x509.DNSName(f"{ATTACKER}.example.com"), "is not the node's"),
        (x509.DNSName("cp-1"), "is not the node's"),
        ("cp-1", "is not one of node"),
        (VICTIM, "is not one of node"),
        (x509.IPAddress(ip_address("10.96.0.1")), "is not one of node"),
    ],
    ids=[
        "the service",
        "localhost",
        "a name below",
        "a control plane",
        "its address",
        "a worker's",
        "service",
    ],
)
def test_a_node_serves_only_its_own_name_and_address(
    cluster: Cluster, alternative: x509.GeneralName | str, reason: str
) -> None:
    """A name of a host in `alternative` stands for the address of the host."""
    if isinstance(alternative, str):
        alternative = x509.IPAddress(ip_address(cluster.address(alternative)))
    body = request("serving", f"system:node:{ATTACKER}", SERVING, alternative)
    assert send(cluster, with_kubelet(cluster), body).code == 0
    assert_denied(cluster, "serving", reason)


def test_a_node_that_claims_other_addresses_blocks_no_other(cluster: Cluster) -> None:
    """The approver takes addresses from the inventory. The kubelet corrects its status later."""
    claims = [{"type": "InternalIP", "address": cluster.address(host)} for host in (VICTIM, "cp-1")]
    node = cluster.get("node", ATTACKER)
    for field in ("resourceVersion", "managedFields"):
        node["metadata"].pop(field, None)
    node["status"]["addresses"] += claims
    path = f"/api/v1/nodes/{ATTACKER}/status"
    command = f"{with_kubelet(cluster)} replace --raw {path} -f -"
    cluster.ssh(ATTACKER, f"cat <<'EOF' | {command}\n{json.dumps(node)}\nEOF\n")
    link = "/var/lib/kubelet/pki/kubelet-server-current.pem"
    before = cluster.ssh(VICTIM, f"readlink {link}").stdout
    try:
        cluster.ssh(VICTIM, f"rm {link} && systemctl restart kubelet")
        eventually(
            f"{VICTIM} has a new serving certificate",
            lambda: cluster.ssh(VICTIM, f"readlink {link}", check=False).stdout not in ("", before),
            timeout=60,
        )
    finally:
        cluster.ssh(ATTACKER, "systemctl restart kubelet")
        cluster.wait_all_ready()


def test_no_credential_of_a_node_changes_other_nodes(cluster: Cluster) -> None:
    address = json.dumps({"status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}})
    owner = json.dumps(
        {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "x"}]}}
    )
    attacks = [
        f"patch node {VICTIM} --subresource=status -p '{address}'",
        f"annotate node {VICTIM} flannel.alpha.coreos.com/public-ip=192.0.2.1 --overwrite",
        f"label node {VICTIM} attack=yes",
        f"taint node {VICTIM} attack=yes:NoExecute",
        f"delete node {VICTIM}",
        f"delete node {ATTACKER}",
        f"taint node {ATTACKER} attack=yes:NoExecute",
        f"label node {ATTACKER} node-role.kubernetes.io/control-plane=",
        f"patch node {ATTACKER} -p '{owner}'",
        "-n kube-system get secrets",
        '-n kube-system patch configmap kubewright-inventory -p \'{"data":{"inventory.json":"{}"}}\'',
    ]
    for credentials in (with_kubelet(cluster), with_kube_proxy(cluster), with_token(cluster)):
        for attack in attacks:
            result = cluster.ssh(ATTACKER, f"{credentials} {attack}", check=False)
            assert result.code != 0, f"{attack}: {result.text}"
            assert "orbidden" in result.text or "not allowed" in result.text, f"{attack}: {result.text}"


def test_an_annotation_of_a_node_changes_no_other_node(cluster: Cluster) -> None:
    """The script that sets the labels of the pool reads the annotation with an administrator's kubectl."""
    record = "label=quarantine"
    forged = f"\n{VICTIM} labels,quarantine, taints, {record}\n{VICTIM} applied={record} taints="
    annotate = f"{with_kubelet(cluster)} annotate --overwrite node {ATTACKER}"
    (pool,) = (pool for pool in bundles.cluster().pools if pool.name == "workers")
    script = KUBECTL_FUNCTION + node_labels_script(replace(pool, labels=(), taints=()))
    cluster.kubectl("label", "node", VICTIM, "quarantine=yes")
    try:
        cluster.ssh(ATTACKER, f"{annotate} 'kubewright.dev/applied={forged},label=--all'")
        cluster.ssh("cp-1", script)
        assert cluster.get("node", ATTACKER)["metadata"]["annotations"]["kubewright.dev/applied"] == ""
        assert cluster.get("node", VICTIM)["metadata"]["labels"]["quarantine"] == "yes"
    finally:
        cluster.kubectl("label", "node", VICTIM, "quarantine-")


def test_a_node_cannot_ask_for_the_deletion_of_its_node(cluster: Cluster) -> None:
    """Only hosts that left the inventory may ask: otherwise a node could lose its taints."""
    uid = cluster.get("node", ATTACKER)["metadata"]["uid"]
    annotate = f"{with_kubelet(cluster)} annotate node {ATTACKER}"
    cluster.ssh(ATTACKER, f"{annotate} kubewright.dev/leaving=node")
    try:
        time.sleep(ANSWER_SECONDS)
        assert cluster.get("node", ATTACKER)["metadata"]["uid"] == uid
    finally:
        cluster.ssh(ATTACKER, f"{annotate} kubewright.dev/leaving-")


def test_a_used_token_is_useless_outside(cluster: Cluster, tmp_path: Path) -> None:
    """Send the request from this machine, which is no host of the cluster."""
    token = cluster.ssh(ATTACKER, f"cat {TOKEN}").stdout.strip()
    authority = tmp_path / "ca.crt"
    authority.write_text(cluster.ssh("cp-1", f"cat {PKI}/kubernetes-ca.crt").stdout)
    for name, node in (("own", ATTACKER), ("other", VICTIM), ("new", "w-9")):
        url = f"https://{cluster.address('cp-1')}:6443/apis/certificates.k8s.io/v1/certificatesigningrequests"
        sent = urllib.request.Request(
            url,
            data=json.dumps(request(name, f"system:node:{node}", FIRST)).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        context = ssl.create_default_context(cafile=str(authority))
        with urllib.request.urlopen(sent, timeout=10, context=context) as answer:
            assert answer.status == 201
        assert_denied(cluster, name, "refused:")
