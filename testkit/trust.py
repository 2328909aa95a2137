"""A model of certificate trust between hosts: the files on every host, and every connection between hosts.

Programs read their certificates at each handshake, and their trusted CAs at a restart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PKI = "/etc/kubernetes/pki"
ETCD = "/etc/etcd/pki"


@dataclass
class Host:
    """A host with its files, and the generation and certificate of its kubelet."""

    name: str
    files: dict[str, str] = field(default_factory=dict)
    signer: str = "1"
    kubelet: x509.Certificate | None = None

    def certificate(self, path: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.files[path].encode())

    def trusts(self, path: str) -> list[x509.Certificate]:
        return x509.load_pem_x509_certificates(self.files[path].encode())

    def start_kubelet(self, script: str, planes: list[Host]) -> None:
        """Emulate the start of the kubelet, which requests new certificates when the signing generation
        changed.
        """
        match = re.search(r'echo (\d+) >"\$signer"', script)
        signer = match[1] if match else self.signer
        if self.kubelet is None or signer != self.signer:
            issuers = {plane.files[f"{PKI}/kubernetes-ca-signer.crt"] for plane in planes}
            assert len(issuers) == 1, f"{self.name} asks while control planes sign by different authorities"
            self.kubelet, self.signer = _sign(f"system:node:{self.name}", planes[0]), signer


@dataclass(frozen=True)
class Connection:
    """A TLS connection: a side presents a certificate, the other side must trust its CA."""

    what: str
    presented: x509.Certificate
    trusted: list[x509.Certificate]

    @property
    def is_trusted(self) -> bool:
        return any(_signed_by(self.presented, authority) for authority in self.trusted)


def connections(hosts: Mapping[str, Host], planes: list[str], etcd: list[str]) -> Iterator[Connection]:
    """Yield every TLS connection of the cluster in both directions."""
    members, servers = [hosts[name] for name in etcd], [hosts[name] for name in planes]
    for member in members:
        for other in members:
            peer = other.certificate(f"{ETCD}/peer.crt")
            yield Connection(
                f"{other.name} etcd peer of {member.name}", peer, member.trusts(f"{ETCD}/etcd-ca.crt")
            )
        for server in servers:
            client = server.certificate(f"{PKI}/apiserver-etcd-client.crt")
            yield Connection(
                f"{server.name} to etcd {member.name}", client, member.trusts(f"{ETCD}/etcd-ca.crt")
            )
            served = member.certificate(f"{ETCD}/server.crt")
            yield Connection(
                f"etcd {member.name} to {server.name}", served, server.trusts(f"{PKI}/etcd-ca.crt")
            )
    for server in servers:
        yield from _of_api_server(server, list(hosts.values()), servers)


def tokens(hosts: Mapping[str, Host], planes: list[str]) -> Iterator[tuple[str, bool]]:
    """Yield, for each pair of API servers, whether the second accepts tokens that the first has signed."""
    for signer in planes:
        key = serialization.load_pem_private_key(
            hosts[signer].files[f"{PKI}/service-account.key"].encode(), None
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        for verifier in planes:
            accepted = public.decode().strip() in hosts[verifier].files[f"{PKI}/service-account.pub"]
            yield f"{signer}'s token at {verifier}", accepted


def _of_api_server(server: Host, hosts: list[Host], servers: list[Host]) -> Iterator[Connection]:
    presented = server.certificate(f"{PKI}/apiserver.crt")
    trusted = server.trusts(f"{PKI}/kubernetes-ca.crt")
    for host in hosts:
        if host.kubelet is None:
            continue
        theirs = host.trusts(f"{PKI}/kubernetes-ca.crt")
        yield Connection(f"API {server.name} to {host.name}", presented, theirs)
        for name in ("kube-proxy", "flannel"):
            leaf = host.certificate(f"{PKI}/{name}.crt")
            yield Connection(f"{name} of {host.name} to API {server.name}", leaf, trusted)
        yield Connection(f"kubelet {host.name} to API {server.name}", host.kubelet, trusted)
        yield Connection(f"kubelet {host.name} serves API {server.name}", host.kubelet, trusted)
        client = server.certificate(f"{PKI}/apiserver-kubelet-client.crt")
        yield Connection(f"API {server.name} at kubelet {host.name}", client, theirs)
    for name in ("controller-manager", "scheduler", "csr-approver", "admin"):
        leaf = server.certificate(f"{PKI}/{name}.crt")
        yield Connection(f"{name} of {server.name} to its API", leaf, trusted)
    for other in servers:
        front = other.certificate(f"{PKI}/front-proxy-client.crt")
        yield Connection(
            f"front proxy {other.name} at {server.name}", front, server.trusts(f"{PKI}/front-proxy-ca.crt")
        )


def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _sign(name: str, plane: Host) -> x509.Certificate:
    """Return a kubelet certificate, signed as by the controller manager of a control plane."""
    authority = plane.certificate(f"{PKI}/kubernetes-ca-signer.crt")
    signing = serialization.load_pem_private_key(
        plane.files[f"{PKI}/kubernetes-ca-signer.key"].encode(), None
    )
    assert isinstance(signing, ec.EllipticCurvePrivateKey)
    assert signing.public_key() == authority.public_key(), "the signer's key and certificate do not belong"
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.subject)
        .public_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(authority.not_valid_before_utc)
        .not_valid_after(authority.not_valid_before_utc + timedelta(days=30))
        .sign(signing, hashes.SHA256())
    )
