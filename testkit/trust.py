"""A model of certificate trust between the hosts of a cluster: their files, and all connections between
hosts.

Programs read their certificates at each handshake, and their trusted CAs at a restart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PKI = "/etc/kubernetes/pki"
ETCD = "/etc/etcd/pki"


@dataclass
class TrustHost:
    """A host: its files by path, and the client and serving certificates of its kubelet. `signer` and
    `serving_signer` are the CA generations that signed the certificates.
    """

    name: str
    files: dict[str, str] = field(default_factory=dict)
    signer: str = "1"
    kubelet: x509.Certificate | None = None
    serving_signer: str = "0"
    serving: x509.Certificate | None = None

    def certificate(self, path: str) -> x509.Certificate:
        """Return the first certificate in a file of the host."""
        return _certificates(self.files[path])[0]

    def trusted_certificates(self, path: str) -> list[x509.Certificate]:
        """Return all certificates in a file of the host."""
        return [*_certificates(self.files[path])]

    def start_kubelet(self, script: str, control_planes: list[TrustHost]) -> None:
        """Emulate the start of the kubelet, which requests new certificates when the signing generation
        changed.
        """
        match = re.search(r'echo (\d+) >"\$signer"', script)
        signer = match[1] if match else self.signer
        match = re.search(r'echo (\d+) >"\$serving_signer"', script)
        serving_signer = match[1] if match else self.serving_signer
        name = f"system:node:{self.name}"
        if self.kubelet is None or signer != self.signer:
            self.kubelet = _request_certificate(name, control_planes, "kubernetes-ca")
            self.serving = None
        if self.serving is None or serving_signer != self.serving_signer:
            self.serving = _request_certificate(name, control_planes, "kubelet-serving-ca")
        self.signer, self.serving_signer = signer, serving_signer


@dataclass(frozen=True)
class Connection:
    """One direction of a TLS connection: a peer presents a certificate, whose CA the other peer must
    trust.
    """

    description: str
    presented_certificate: x509.Certificate
    trusted_authorities: list[x509.Certificate]

    @property
    def is_trusted(self) -> bool:
        return any(
            _signed_by(self.presented_certificate, authority) for authority in self.trusted_authorities
        )


def connections(
    hosts: Mapping[str, TrustHost], control_planes: list[str], etcd: list[str]
) -> Iterator[Connection]:
    """Yield every TLS connection of a cluster in both directions.

    `control_planes` and `etcd` are names of hosts.
    """
    members, servers = [hosts[name] for name in etcd], [hosts[name] for name in control_planes]
    for member in members:
        for other in members:
            peer = other.certificate(f"{ETCD}/peer.crt")
            yield Connection(
                f"{other.name} etcd peer of {member.name}",
                peer,
                member.trusted_certificates(f"{ETCD}/etcd-ca.crt"),
            )
        for server in servers:
            client = server.certificate(f"{PKI}/apiserver-etcd-client.crt")
            yield Connection(
                f"{server.name} to etcd {member.name}",
                client,
                member.trusted_certificates(f"{ETCD}/etcd-ca.crt"),
            )
            served = member.certificate(f"{ETCD}/server.crt")
            yield Connection(
                f"etcd {member.name} to {server.name}",
                served,
                server.trusted_certificates(f"{PKI}/etcd-ca.crt"),
            )
    for server in servers:
        yield from _api_server_connections(server, list(hosts.values()), servers)


def token_checks(hosts: Mapping[str, TrustHost], control_planes: list[str]) -> Iterator[tuple[str, bool]]:
    """Yield, for each pair of API servers, a description and whether the second server accepts tokens of the
    first.
    """
    for signer in control_planes:
        public = _public_key(hosts[signer].files[f"{PKI}/service-account.key"])
        for verifier in control_planes:
            accepted = public in hosts[verifier].files[f"{PKI}/service-account.pub"]
            yield f"{signer}'s token at {verifier}", accepted


def _api_server_connections(
    server: TrustHost, hosts: list[TrustHost], servers: list[TrustHost]
) -> Iterator[Connection]:
    presented = server.certificate(f"{PKI}/apiserver.crt")
    trusted = server.trusted_certificates(f"{PKI}/kubernetes-ca.crt")
    for host in hosts:
        if host.kubelet is None:
            continue
        trusted_by_kubelet = host.trusted_certificates(f"{PKI}/kubernetes-ca.crt")
        yield Connection(f"API {server.name} to {host.name}", presented, trusted_by_kubelet)
        leaf = host.certificate(f"{PKI}/kube-proxy.crt")
        yield Connection(f"kube-proxy of {host.name} to API {server.name}", leaf, trusted)
        yield Connection(f"kubelet {host.name} to API {server.name}", host.kubelet, trusted)
        assert host.serving is not None
        trusted_kubelets = server.trusted_certificates(f"{PKI}/kubelet-serving-ca.crt")
        yield Connection(f"kubelet {host.name} serves API {server.name}", host.serving, trusted_kubelets)
        client = server.certificate(f"{PKI}/apiserver-kubelet-client.crt")
        yield Connection(f"API {server.name} at kubelet {host.name}", client, trusted_by_kubelet)
    for name in ("controller-manager", "scheduler", "csr-approver", "admin"):
        leaf = server.certificate(f"{PKI}/{name}.crt")
        yield Connection(f"{name} of {server.name} to its API", leaf, trusted)
    for other in servers:
        front = other.certificate(f"{PKI}/front-proxy-client.crt")
        yield Connection(
            f"front proxy {other.name} at {server.name}",
            front,
            server.trusted_certificates(f"{PKI}/front-proxy-ca.crt"),
        )


# A model checks the same certificates after each of its steps.
@cache
def _certificates(text: str) -> tuple[x509.Certificate, ...]:
    """Return all certificates of a text in PEM."""
    return tuple(x509.load_pem_x509_certificates(text.encode()))


@cache
def _public_key(text: str) -> str:
    """Return the public key of a private key. Both are texts in PEM."""
    public = serialization.load_pem_private_key(text.encode(), None).public_key()
    encoded = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded.decode().strip()


@cache
def _signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _request_certificate(name: str, control_planes: list[TrustHost], ca: str) -> x509.Certificate:
    """Return a kubelet certificate, signed as by any controller manager with the CA `ca`."""
    issuers = {control_plane.files[f"{PKI}/{ca}-signer.crt"] for control_plane in control_planes}
    assert len(issuers) == 1, f"{name} requests a certificate while control planes sign with different CAs"
    authority = control_planes[0].certificate(f"{PKI}/{ca}-signer.crt")
    signing = serialization.load_pem_private_key(
        control_planes[0].files[f"{PKI}/{ca}-signer.key"].encode(), None
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
