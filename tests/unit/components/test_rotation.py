"""Tests of certificate rotation [B3]: the changes of each stage, and working connections after each step."""

from __future__ import annotations

import base64
import io
import itertools
import json
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from testkit.trust import Connection, TrustHost, connections, token_checks
from tests.unit.components.certificates import CertificatePluginMocks
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, Node, cluster_config

CONTROL_PLANES = ["cp-1", "cp-2", "cp-3"]
ROLES = ("etcd", "control-plane", "node")
AUTHORITIES = ("kubernetes", "etcd", "front-proxy", "kubelet-serving")


def rotation_settings(stage: str, generation: int = 2) -> Json:
    """Return settings in which all authorities and the service account key are in one stage."""
    section = {"generation": generation, "stage": stage}
    return {"authorities": dict.fromkeys(AUTHORITIES, section), "service_account": section}


@pytest.fixture
def plugins() -> CertificatePluginMocks:
    return CertificatePluginMocks()


class RotatingCluster:
    """Three control planes with etcd and two workers, changed one host and role at a time."""

    def __init__(self, deploy: Deploy, directory: Path, plugins: CertificatePluginMocks) -> None:
        self._deploy, self._directory, self._plugins = deploy, directory, plugins
        self.hosts: dict[str, TrustHost] = {}
        self.administrator_credentials: list[Json] = []
        self.up({}, random.Random(0), check=False)

    def run_program(self, certificates: Json) -> Graph:
        """Run the program with certificate settings and return the graph."""
        cluster = cluster_config(self._directory, workers=2, control_planes=3, certificates=certificates)
        return self._deploy(cluster, self._plugins)

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
                yield Connection(f"API {plane} to {name}", served_certificate, _pems(credentials["ca"]))
                (client_certificate,) = _pems(credentials["certificate"])
                trusted = host.trusted_certificates("/etc/kubernetes/pki/kubernetes-ca.crt")
                yield Connection(f"{name} to API {plane}", client_certificate, trusted)

    def _administrators(self) -> Iterator[tuple[str, Json]]:
        for credentials in self.administrator_credentials:
            yield "the administrator with the kubeconfig of the last run", credentials


@pytest.fixture
def cluster(deploy: Deploy, tmp_path: Path, plugins: CertificatePluginMocks) -> RotatingCluster:
    return RotatingCluster(deploy, tmp_path, plugins)


@pytest.mark.parametrize("seed", range(2))
def test_all_connections_work_at_every_step_of_every_stage(cluster: RotatingCluster, seed: int) -> None:
    order = random.Random(seed)
    for generation, stage in itertools.product((2, 3), ("trust", "sign", "done")):
        cluster.up(rotation_settings(stage, generation), order)
    cluster.up({**rotation_settings("done", 3), "leaves": 2}, order)


def test_stages_can_be_reverted(cluster: RotatingCluster) -> None:
    order = random.Random(7)
    for certificates in (
        rotation_settings("trust"),
        rotation_settings("sign"),
        rotation_settings("trust"),
        {},
    ):
        cluster.up(certificates, order)


@pytest.mark.parametrize(
    ("first", "second"),
    [(None, "sign"), (None, "done"), ("trust", "done")],
    ids=lambda stage: stage or "nothing",
)
def test_a_skipped_stage_breaks_a_connection(
    cluster: RotatingCluster, first: str | None, second: str
) -> None:
    """Skipping a stage must break a connection, which is why hosts refuse to skip a stage.

    If no connection broke, `test_all_connections_work_at_every_step_of_every_stage` could not detect errors.
    """
    if first:
        cluster.up(rotation_settings(first), random.Random(1))
    with pytest.raises(AssertionError, match="after "):
        cluster.up(rotation_settings(second), random.Random(1))


def serving_stage(stage: str) -> Json:
    return {"authorities": {"kubelet-serving": {"generation": 1, "stage": stage}}}


def certify_kubelets_with_the_cluster_authority(cluster: RotatingCluster) -> None:
    """Give all kubelets serving certificates as in versions without the CA `kubelet-serving`."""
    for host in cluster.hosts.values():
        host.serving = None
    cluster.up(serving_stage("trust"), random.Random(3), check=False)
    shared = cluster.hosts["cp-1"].certificate("/etc/kubernetes/pki/kubernetes-ca.crt")
    assert {host.serving.issuer for host in cluster.hosts.values() if host.serving} == {shared.subject}


@pytest.mark.parametrize("first", [{}, serving_stage("trust")], ids=["default", "trust"])
def test_kubelets_move_to_their_own_authority(cluster: RotatingCluster, first: Json) -> None:
    certify_kubelets_with_the_cluster_authority(cluster)
    order = random.Random(5)
    for certificates in (first, serving_stage("sign"), serving_stage("done")):
        cluster.up(certificates, order)
    trusted = cluster.hosts["cp-2"].trusted_certificates("/etc/kubernetes/pki/kubelet-serving-ca.crt")
    assert [pem.subject.rfc4514_string().split()[-1] for pem in trusted] == ["kubelet-serving-ca"]


def test_the_default_keeps_the_certificates_of_kubelets(cluster: RotatingCluster) -> None:
    certify_kubelets_with_the_cluster_authority(cluster)
    before = {name: host.serving for name, host in cluster.hosts.items()}
    cluster.up({}, random.Random(5))
    assert {name: host.serving for name, host in cluster.hosts.items()} == before


def test_the_shared_authority_must_not_leave_before_kubelets_have_new_certificates(
    cluster: RotatingCluster,
) -> None:
    certify_kubelets_with_the_cluster_authority(cluster)
    with pytest.raises(AssertionError, match="serves API"):
        cluster.up(serving_stage("done"), random.Random(1))


def test_each_stage_is_one_line_per_authority_in_bundles(cluster: RotatingCluster) -> None:
    expected_generations = {"trust": "1 1 2", "sign": "2 1 2", "done": "2 2"}
    for stage, generations in expected_generations.items():
        graph = cluster.run_program(rotation_settings(stage))
        plane = [line for line in _script(graph, "cp-1-control-plane") if line.startswith("trust ")]
        assert plane == [f"trust {name} {generations}" for name in (*AUTHORITIES, "service-account")], stage
        for worker in ("w-1-node", "w-2-node"):
            trust_lines = [line for line in _script(graph, worker) if line.startswith("trust ")]
            assert trust_lines == [f"trust kubernetes {generations}"]


def test_trust_bundles_have_all_trusted_certificates_and_only_one_signs(cluster: RotatingCluster) -> None:
    counts = {"trust": 2, "sign": 2, "done": 1}
    for stage, count in counts.items():
        cluster.up(rotation_settings(stage), random.Random(2))
        files = cluster.hosts["cp-2"].files
        for name in AUTHORITIES:
            assert len(_pems(files[f"/etc/kubernetes/pki/{name}-ca.crt"])) == count
        assert len(_pems(files["/etc/kubernetes/pki/kubernetes-ca-signer.crt"])) == 1
        assert files["/etc/kubernetes/pki/service-account.pub"].count("BEGIN PUBLIC KEY") == count
        assert len({str(pem.subject) for pem in _pems(files["/etc/etcd/pki/etcd-ca.crt"])}) == count


def test_a_cluster_without_rotation_has_no_rotation_resources(cluster: RotatingCluster) -> None:
    settings = rotation_settings("done", 1)
    # An entry of this CA always has an effect, because the CA replaces another CA
    # (topology.model.first_rotation).
    del settings["authorities"]["kubelet-serving"]
    plain, first = cluster.run_program({}), cluster.run_program(settings)
    assert plain.names == first.names
    for node in plain.nodes.values():
        assert node.inputs == first.nodes[node.urn].inputs, node.name
    assert not [node for node in plain.nodes.values() if node.name == "cluster-published"]
    assert "signer=" not in "\n".join(_script(plain, "w-1-node"))


def test_a_rotated_authority_adds_only_its_own_resources(cluster: RotatingCluster) -> None:
    plain = cluster.run_program({})
    trust = cluster.run_program({"authorities": {"etcd": {"generation": 2, "stage": "trust"}}})
    tls = "tls:index"
    assert trust.names - plain.names == {
        (f"{tls}/privateKey:PrivateKey", "cluster-pki-etcd-ca-2-key"),
        (f"{tls}/selfSignedCert:SelfSignedCert", "cluster-pki-etcd-ca-2"),
    }
    changed = {node.name for node in trust.nodes.values() if _has_changed_inputs(plain, node)}
    assert {name for name in changed if name.startswith(("w-", "coredns", "metrics"))} == set()
    assert changed >= {f"{plane}-etcd" for plane in CONTROL_PLANES}


def test_a_new_generation_of_leaves_replaces_only_their_keys(
    cluster: RotatingCluster, plugins: CertificatePluginMocks
) -> None:
    def triggers(graph: Graph) -> dict[str, object]:
        keys = graph.of_type(":PrivateKey")
        return {node.name: node.replacement_trigger for node in keys}

    first, second = triggers(cluster.run_program({})), triggers(cluster.run_program({"leaves": 2}))
    replaced = {name for name in first if first[name] != second[name]}
    unchanged_keys = {
        "kubernetes-ca",
        "etcd-ca",
        "front-proxy-ca",
        "kubelet-serving-ca",
        "service-account",
        "bootstrap",
        "encryption",
    }
    assert set(first) - replaced == {f"cluster-pki-{name}-key" for name in unchanged_keys}
    before = dict(plugins.states_of_type("LocallySignedCert"))
    for name in replaced:
        plugins.forget(name)
    cluster.up({"leaves": 2}, random.Random(3))
    after = plugins.states_of_type("LocallySignedCert")
    assert all(before[name] != after[name] for name in before)
    assert len(replaced) == len(after)


def test_add_ons_restart_after_pods_see_new_certificates(cluster: RotatingCluster) -> None:
    annotations_by_stage = []
    for stage in ("trust", "sign", "done"):
        graph = cluster.run_program(rotation_settings(stage))
        # Kubelets request certificates only when a controller manager signs them.
        for node in ("cp-1-node", "w-1-node"):
            assert "cluster-published" in graph.dependencies(graph.node(node))
        for name in ("coredns-deployment", "metrics-server-deployment"):
            assert "cluster-published" in graph.dependencies(graph.node(name))
        assert {f"{plane}-control-plane" for plane in CONTROL_PLANES} <= graph.dependencies(
            graph.node("cluster-published")
        )
        annotations_by_stage.append(
            json.dumps(_annotations(graph, "metrics-server-deployment"), sort_keys=True)
        )
    assert len(set(annotations_by_stage)) == 3


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


def _script(graph: Graph, name: str) -> list[str]:
    return graph.node(name).text("create").splitlines()


def _administrator_credentials(graph: Graph) -> Json:
    config = json.loads(graph.node("kubernetes").text("kubeconfig"))
    user = config["users"][0]["user"]
    return {
        "ca": base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]).decode(),
        "certificate": base64.b64decode(user["client-certificate-data"]).decode(),
    }


def _annotations(graph: Graph, name: str) -> object:
    spec = graph.node(name).value("spec")
    assert isinstance(spec, dict)
    return spec["template"]["metadata"]["annotations"]


def _pems(text: object) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(str(text).encode())


def _has_changed_inputs(before: Graph, node: Node) -> bool:
    return node.urn in before.nodes and before.nodes[node.urn].inputs != node.inputs
