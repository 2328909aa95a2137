"""A cluster whose certificates rotate: the program on mocks delivers to models of hosts."""

from __future__ import annotations

import base64
import io
import json
import random
import tarfile
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from testkit.trust import Connection, TrustHost, connections, token_checks
from tests.unit.components.certificates import CertificatePluginMocks
from tests.unit.components.graph import Graph, Json, Node, cluster_config

if TYPE_CHECKING:
    from tests.unit.components.conftest import Deploy

CONTROL_PLANES = ["cp-1", "cp-2", "cp-3"]
ROLES = ("etcd", "control-plane", "node")


class RotatingCluster:
    """Three control planes with etcd and two workers, changed one host and role at a time."""

    def __init__(self, deploy: Deploy, directory: Path, plugins: CertificatePluginMocks) -> None:
        self._deploy, self._directory, self.plugins = deploy, directory, plugins
        self.hosts: dict[str, TrustHost] = {}
        self.administrator_credentials: list[Json] = []
        self.up({}, random.Random(0), check=False)

    def copy(self) -> RotatingCluster:
        """Return an independent copy. Its creation again would take longer than most tests."""
        copied = copy(self)
        copied.plugins = self.plugins.copy()
        copied.hosts = {name: replace(host, files={**host.files}) for name, host in self.hosts.items()}
        return copied

    def run_program(self, certificates: Json) -> Graph:
        """Run the program with certificate settings and return the graph."""
        cluster = cluster_config(self._directory, workers=2, control_planes=3, certificates=certificates)
        return self._deploy(cluster, self.plugins)

    def up(self, certificates: Json, order: random.Random, *, check: bool = True) -> Graph:
        """Deliver the changes to all hosts in an allowed random order. Check connections after each step."""
        graph = self.run_program(certificates)
        before = dict(self._administrators())
        for node in _deliveries(graph, order):
            self._deliver(node)
            if check:
                self._assert_connections_work(node.name, before)
        self.administrator_credentials = [_administrator_credentials(graph)]
        return graph

    def _deliver(self, node: Node) -> None:
        name, role = _split_command_name(node.name)
        host = self.hosts.setdefault(name, TrustHost(name))
        host.files |= {path.removeprefix("secrets"): text for path, text in _payload(node).items()}
        if role == "node":
            host.start_kubelet(node.text("create"), [self.hosts[plane] for plane in CONTROL_PLANES])

    def _assert_connections_work(self, after: str, administrators: dict[str, Json]) -> None:
        for connection in self.connections(administrators):
            assert connection.is_trusted, f"after {after}: {connection.description}"
        for what, accepted in token_checks(self.hosts, CONTROL_PLANES):
            assert accepted, f"after {after}: {what}"

    def connections(self, administrators: dict[str, Json]) -> Iterator[Connection]:
        yield from connections(self.hosts, CONTROL_PLANES, CONTROL_PLANES)
        for name, credentials in administrators.items():
            for plane in CONTROL_PLANES:
                host = self.hosts[plane]
                served_certificate = host.certificate("/etc/kubernetes/pki/apiserver.crt")
                yield Connection(f"API {plane} to {name}", served_certificate, pems(credentials["ca"]))
                (client_certificate,) = pems(credentials["certificate"])
                trusted = host.trusted_certificates("/etc/kubernetes/pki/kubernetes-ca.crt")
                yield Connection(f"{name} to API {plane}", client_certificate, trusted)

    def _administrators(self) -> Iterator[tuple[str, Json]]:
        for credentials in self.administrator_credentials:
            yield "the administrator with the kubeconfig of the last run", credentials


def _deliveries(graph: Graph, order: random.Random) -> Iterator[Node]:
    """Yield the commands for hosts, role by role. The order within a role is random."""
    for role in ROLES:
        nodes = [node for node in graph.of_type(":Command") if _split_command_name(node.name)[1] == role]
        order.shuffle(nodes)
        yield from nodes


def _split_command_name(name: str) -> tuple[str, str]:
    """Split `cp-1-control-plane` into host and role. The role is empty for other commands."""
    for role in ROLES:
        if name.endswith(f"-{role}") and name.startswith(("cp-", "w-")):
            return name.removesuffix(f"-{role}"), role
    return name, ""


def _payload(node: Node) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(node.text("stdin")))) as archive:
        members = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name: file.read().decode() for name, file in members.items() if file is not None}


def script(graph: Graph, name: str) -> list[str]:
    return graph.node(name).text("create").splitlines()


def _administrator_credentials(graph: Graph) -> Json:
    config = json.loads(graph.node("kubernetes").text("kubeconfig"))
    user = config["users"][0]["user"]
    return {
        "ca": base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]).decode(),
        "certificate": base64.b64decode(user["client-certificate-data"]).decode(),
    }


def pod_annotations(graph: Graph, name: str) -> object:
    spec = graph.node(name).value("spec")
    assert isinstance(spec, dict)
    return spec["template"]["metadata"]["annotations"]


def pems(text: object) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(str(text).encode())


def has_changed_inputs(before: Graph, node: Node) -> bool:
    return node.urn in before.nodes and before.nodes[node.urn].inputs != node.inputs
