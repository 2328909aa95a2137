"""A Kubernetes control plane without nodes on loopback: etcd, API server, controller manager."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import urllib3
from cryptography.hazmat.primitives import serialization

from artifacts import acquire, catalogue
from artifacts.cache import Cache
from artifacts.progress import Progress
from automation.environment import environment
from testkit.certificates import CertificateAndKey, issue_certificate

_BINARIES = ("etcd", "kube-apiserver", "kube-controller-manager")
_PORTS = range(20000, 30000)
_RBAC = ("--authorization-mode=RBAC",)


def skip_without_binaries(*others: str) -> None:
    """Skip a test if the cache has no control plane, or lacks one of `others`, because a build takes longer
    than a test may take.
    """
    binaries = [catalogue.binary(name) for name in (*_BINARIES, *others)]
    if not all(Cache.default().record(item.name, item.version) for item in binaries):
        pytest.skip("the cache lacks programs; run `./kubewright mirror` first")


def binary_path(name: str) -> str:
    """Return the path of a binary, such as `etcd`.

    Search in $KUBEWRIGHT_BIN, then in the directory of the deployer's tools, then in the cache. A binary that
    is missing in the cache is downloaded or built.
    """
    directories = [Path(os.environ["KUBEWRIGHT_BIN"])] if "KUBEWRIGHT_BIN" in os.environ else []
    for directory in [*directories, environment().tools]:
        if (directory / name).exists():
            return str(directory / name)
    return str(acquire.fetch_or_build(catalogue.binary(name), Cache.default(), Progress(quiet=True)))


def free_ports(count: int) -> list[int]:
    """Return unused TCP ports on loopback.

    They are below the ports that the kernel gives to clients and to servers without a port of their own, so
    that no other process gets one of them before its server starts.
    """
    ports: list[int] = []
    for port in secrets.SystemRandom().sample(_PORTS, len(_PORTS)):
        with contextlib.suppress(OSError), socket.socket() as unused:
            unused.bind(("127.0.0.1", port))
            ports.append(port)
        if len(ports) == count:
            return ports
    raise AssertionError(f"no {count} free ports in {_PORTS}")


@dataclass
class ControlPlane:
    """The processes of a control plane. Their data, certificates and logs are in `directory`.

    `server` is the URL of the API server, `etcd` that of etcd. `kubeconfig` is a kubeconfig for an
    administrator, as text. `api_flags` are additional flags of the API server.
    """

    directory: Path
    api_flags: Sequence[str] = ()
    server: str = ""
    etcd: str = ""
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
        """Start etcd, the API server and the controller manager. Wait until the API server is ready."""
        authority = issue_certificate("test-ca")
        serving = issue_certificate("kube-apiserver", issuer=authority, server=True)
        admin = issue_certificate("admin", organization="system:masters", issuer=authority)
        service_accounts = issue_certificate("service-accounts")
        for name, content in {
            "ca.crt": authority.certificate_pem,
            "ca.key": authority.key_pem,
            "server.crt": serving.certificate_pem,
            "server.key": serving.key_pem,
            "sa.key": service_accounts.key_pem,
            "sa.pub": service_accounts.key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            ),
        }.items():
            (self.directory / name).write_bytes(content)
        client, peer, api = free_ports(3)
        self.server, self.etcd = f"https://127.0.0.1:{api}", f"http://127.0.0.1:{client}"
        self.kubeconfig = kubeconfig_text(self.server, authority, admin)
        (self.directory / "kubeconfig").write_text(self.kubeconfig)
        self._start_etcd(client, peer)
        self._start_api_server(client, api)
        self._await_api(authority, admin)
        self._start_process(
            "kube-controller-manager",
            f"--kubeconfig={self.directory}/kubeconfig",
            f"--service-account-private-key-file={self.directory}/sa.key",
            f"--cluster-signing-cert-file={self.directory}/ca.crt",
            f"--cluster-signing-key-file={self.directory}/ca.key",
            "--leader-elect=false",
            "--secure-port=0",
            "--concurrent-gc-syncs=5",
        )

    def _start_etcd(self, client: int, peer: int) -> None:
        self._start_process(
            "etcd",
            f"--data-dir={self.directory}/etcd",
            f"--listen-client-urls=http://127.0.0.1:{client}",
            f"--advertise-client-urls=http://127.0.0.1:{client}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
            f"--initial-cluster=default=http://127.0.0.1:{peer}",
            "--unsafe-no-fsync",
        )

    def _start_api_server(self, etcd: int, port: int) -> None:
        directory = self.directory
        self._start_process(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{etcd}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={port}",
            f"--tls-cert-file={directory}/server.crt",
            f"--tls-private-key-file={directory}/server.key",
            f"--client-ca-file={directory}/ca.crt",
            f"--service-account-key-file={directory}/sa.pub",
            f"--service-account-signing-key-file={directory}/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/20",
            *(() if any(flag.startswith("--authorization-config=") for flag in self.api_flags) else _RBAC),
            f"--cert-dir={directory}",
            *self.api_flags,
        )

    def _start_process(self, name: str, *arguments: str) -> None:
        """Start a binary whose output goes to a log file."""
        with (self.directory / f"{name}.log").open("wb") as log:
            self.processes.append(subprocess.Popen([binary_path(name), *arguments], stdout=log, stderr=log))

    def _await_api(self, authority: CertificateAndKey, admin: CertificateAndKey) -> None:
        """Wait up to 90 seconds until the API server is ready."""
        (self.directory / "admin.crt").write_bytes(admin.certificate_pem)
        (self.directory / "admin.key").write_bytes(admin.key_pem)
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

    def restart_api_server(self) -> None:
        """Kill the API server and start it again, without waiting until it is ready."""
        (position,) = [
            number
            for number, process in enumerate(self.processes)
            if Path(str(process.args[0])).name == "kube-apiserver"  # type: ignore[index]
        ]
        old = self.processes[position]
        old.kill()
        old.wait()
        with (self.directory / "kube-apiserver-restarted.log").open("wb") as log:
            self.processes[position] = subprocess.Popen(old.args, stdout=log, stderr=log)

    def logs(self) -> str:
        """Return the ends of the logs of all processes."""
        return "\n".join(path.read_text()[-1500:] for path in sorted(self.directory.glob("*.log")))

    def stop(self) -> None:
        """Kill all processes of the control plane."""
        for process in reversed(self.processes):
            process.kill()
            process.wait()

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl as administrator and return its output."""
        command = [binary_path("kubectl"), f"--kubeconfig={self.directory}/kubeconfig", *arguments]
        result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def get(self, *words: str) -> Any:  # noqa: ANN401 - an object of the API
        """Return what `kubectl get` finds."""
        return json.loads(self.kubectl("get", *words, "--output=json"))

    def get_raw(self, path: str) -> str:
        """Return the output and the errors of `kubectl get --raw`, also of a request that fails."""
        command = [binary_path("kubectl"), f"--kubeconfig={self.directory}/kubeconfig", "get", "--raw", path]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return result.stdout + result.stderr


def kubeconfig_text(server: str, authority: CertificateAndKey, user: CertificateAndKey) -> str:
    """Return a kubeconfig as text. It contains the certificates and the key of the user."""

    def encode(data: bytes) -> str:
        return base64.b64encode(data).decode()

    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "loopback",
                    "cluster": {
                        "server": server,
                        "certificate-authority-data": encode(authority.certificate_pem),
                    },
                }
            ],
            "users": [
                {
                    "name": "admin",
                    "user": {
                        "client-certificate-data": encode(user.certificate_pem),
                        "client-key-data": encode(user.key_pem),
                    },
                }
            ],
            "contexts": [{"name": "admin", "context": {"cluster": "loopback", "user": "admin"}}],
            "current-context": "admin",
        }
    )
