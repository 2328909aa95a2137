"""A Kubernetes control plane without nodes on loopback: etcd, API server, controller manager."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from artifacts import acquire, catalogue
from artifacts.cache import Cache
from artifacts.progress import Progress
from automation.environment import environment


def binary(name: str) -> str:
    """Return the path of a binary in KUBEWRIGHT_BIN, in the tools, or in the cache."""
    places = [Path(os.environ["KUBEWRIGHT_BIN"])] if "KUBEWRIGHT_BIN" in os.environ else []
    for place in [*places, environment().tools]:
        if (place / name).exists():
            return str(place / name)
    return str(acquire.fetch_or_build(catalogue.binary(name), Cache.default(), Progress(quiet=True)))


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def crt(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def issue(name: str, *, organization: str = "", issuer: Pair | None = None, server: bool = False) -> Pair:
    """Issue a certificate. Without an issuer, the certificate is a self-signed authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organization:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    subject, now = x509.Name(attributes), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer:
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    if server:
        names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Pair(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]
    finally:
        for item in sockets:
            item.close()


@dataclass
class ControlPlane:
    """The processes of a control plane; their files are in a directory."""

    directory: Path
    server: str = ""
    kubeconfig: str = ""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __enter__(self) -> ControlPlane:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start all processes and wait until the API is ready."""
        authority = issue("test-ca")
        serving = issue("kube-apiserver", issuer=authority, server=True)
        admin = issue("admin", organization="system:masters", issuer=authority)
        service_accounts = issue("service-accounts")
        for name, content in {
            "ca.crt": authority.crt,
            "ca.key": authority.pem,
            "server.crt": serving.crt,
            "server.key": serving.pem,
            "sa.key": service_accounts.pem,
            "sa.pub": service_accounts.key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            ),
        }.items():
            (self.directory / name).write_bytes(content)
        client, peer, api = free_ports(3)
        self.server = f"https://127.0.0.1:{api}"
        self.kubeconfig = kubeconfig(self.server, authority, admin)
        (self.directory / "kubeconfig").write_text(self.kubeconfig)
        self._etcd(client, peer)
        self._api_server(client, api)
        self._await(authority, admin)
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.directory}/kubeconfig",
            f"--service-account-private-key-file={self.directory}/sa.key",
            f"--cluster-signing-cert-file={self.directory}/ca.crt",
            f"--cluster-signing-key-file={self.directory}/ca.key",
            "--leader-elect=false",
            "--secure-port=0",
            "--concurrent-gc-syncs=5",
        )

    def _etcd(self, client: int, peer: int) -> None:
        self._run(
            "etcd",
            f"--data-dir={self.directory}/etcd",
            f"--listen-client-urls=http://127.0.0.1:{client}",
            f"--advertise-client-urls=http://127.0.0.1:{client}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync",
        )

    def _api_server(self, etcd: int, port: int) -> None:
        at = self.directory
        self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={at}/server.crt",
            f"--tls-private-key-file={at}/server.key",
            f"--client-ca-file={at}/ca.crt",
            f"--service-account-key-file={at}/sa.pub",
            f"--service-account-signing-key-file={at}/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/20",
            "--authorization-mode=RBAC",
            f"--cert-dir={at}",
        )

    def _run(self, name: str, *arguments: str) -> None:
        with (self.directory / f"{name}.log").open("wb") as log:
            self.processes.append(subprocess.Popen([binary(name), *arguments], stdout=log, stderr=log))

    def _await(self, authority: Pair, admin: Pair) -> None:
        (self.directory / "admin.crt").write_bytes(admin.crt)
        (self.directory / "admin.key").write_bytes(admin.pem)
        pool = urllib3.PoolManager(
            ca_certs=str(self.directory / "ca.crt"),
            cert_file=str(self.directory / "admin.crt"),
            key_file=str(self.directory / "admin.key"),
            retries=False,
        )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            assert all(process.poll() is None for process in self.processes), self.logs()
            try:
                if pool.request("GET", f"{self.server}/readyz", timeout=2).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.3)
        raise AssertionError(f"the API server did not become ready: {self.logs()}")

    def logs(self) -> str:
        """Return the last part of every process's log."""
        return "\n".join(path.read_text()[-1500:] for path in sorted(self.directory.glob("*.log")))

    def stop(self) -> None:
        """Kill the processes that `start` started. The data is not used again."""
        for process in reversed(self.processes):
            process.kill()
            process.wait()

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl and return its output."""
        command = [binary("kubectl"), f"--kubeconfig={self.directory}/kubeconfig", *arguments]
        result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)
        assert result.returncode == 0, result.stderr
        return result.stdout


def kubeconfig(server: str, authority: Pair, user: Pair) -> str:
    """Return a kubeconfig that contains all certificates and keys."""

    def text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "loopback",
                    "cluster": {"server": server, "certificate-authority-data": text(authority.crt)},
                }
            ],
            "users": [
                {
                    "name": "admin",
                    "user": {"client-certificate-data": text(user.crt), "client-key-data": text(user.pem)},
                }
            ],
            "contexts": [{"name": "admin", "context": {"cluster": "loopback", "user": "admin"}}],
            "current-context": "admin",
        }
    )
