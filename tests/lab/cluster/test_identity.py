"""Lab tests of authentication and permissions: anonymous requests, certificates, permissions of a node."""

from __future__ import annotations

import base64
import json
import re
import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from testkit import pods
from testkit.cluster import Cluster
from testkit.process import CommandResult

NODE_CREDENTIALS = "--kubeconfig=/var/lib/kubelet/kubeconfig"
KUBECTL = "/usr/local/lib/kubewright/bin/kubectl"


@pytest.fixture(scope="module")
def authority(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a file with the CA certificate from the kubeconfig."""
    view = cluster.kubectl("config", "view", "--raw", "-o", "json").stdout
    data = json.loads(view)["clusters"][0]["cluster"]["certificate-authority-data"]
    path = tmp_path_factory.mktemp("ca") / "ca.crt"
    path.write_bytes(base64.b64decode(data))
    return path


@pytest.fixture(scope="module")
def kubelet_authority(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a file with the CA that only clients of kubelets trust."""
    path = tmp_path_factory.mktemp("ca") / "kubelet-ca.crt"
    trusted = cluster.ssh("cp-1", "cat /etc/kubernetes/pki/kubelet-serving-ca.crt").stdout
    path.write_text(f"-----BEGIN{trusted.rsplit('-----BEGIN', 1)[1]}")
    return path


def _status(url: str, authority: Path) -> int:
    """Send an anonymous request, verify the certificate of the server, and return the HTTP status."""
    context = ssl.create_default_context(cafile=str(authority))
    try:
        with urllib.request.urlopen(url, timeout=10, context=context) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("path", ["/api", "/api/v1/secrets", "/apis", "/metrics", "/version", "/openapi/v2"])
def test_api_refuses_anonymous_requests(cluster: Cluster, authority: Path, path: str) -> None:
    assert _status(f"https://{cluster.address('cp-1')}:6443{path}", authority) in (401, 403)


def test_api_answers_anonymous_requests_only_on_health_paths(cluster: Cluster, authority: Path) -> None:
    """Load balancers check the API server on the health paths without credentials (CIS 2.1 accepts this)."""
    for path in ("/livez", "/readyz"):
        assert _status(f"https://{cluster.address('cp-1')}:6443{path}", authority) == 200, path


@pytest.mark.parametrize("path", ["/pods", "/metrics", "/configz", "/healthz", "/run/kube-system/x/y"])
def test_kubelets_refuse_anonymous_requests(cluster: Cluster, kubelet_authority: Path, path: str) -> None:
    """The test also fails if a kubelet's certificate is not valid for the kubelet's address."""
    for host in cluster.nodes:
        url = f"https://{cluster.address(host)}:10250{path}"
        assert _status(url, kubelet_authority) == 401, f"{host}{path}"


def test_clients_of_the_api_reject_certificates_of_kubelets(cluster: Cluster, authority: Path) -> None:
    for host in cluster.nodes:
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            _status(f"https://{cluster.address(host)}:10250/healthz", authority)


def test_etcd_refuses_clients_without_certificate(cluster: Cluster) -> None:
    """The control plane sends the request, because the firewall refuses connections from other machines."""
    pki = "/etc/etcd/pki"
    script = f"""
    export ETCDCTL_ENDPOINTS=https://127.0.0.1:2379 ETCDCTL_CACERT={pki}/etcd-ca.crt
    etcdctl=/usr/local/lib/kubewright/bin/etcdctl
    $etcdctl --cert={pki}/operator.crt --key={pki}/operator.key endpoint health || exit 9
    $etcdctl --command-timeout=5s get / --prefix --keys-only
    """
    result = cluster.ssh("cp-1", script, check=False)
    assert "is healthy" in result.text, result.text
    assert result.code not in (0, 9), f"etcd answered without a certificate:\n{result.text}"
    assert "/registry/" not in result.stdout


def test_etcd_refuses_plain_http(cluster: Cluster) -> None:
    result = cluster.ssh("cp-1", "cat /proc/net/tcp /proc/net/tcp6")
    listening = [line.split() for line in result.stdout.splitlines() if len(line.split()) > 3]
    ports = {int(words[1].rsplit(":", 1)[1], 16) for words in listening if words[3] == "0A"}
    assert 2379 in ports
    assert not ports & {10255, 8080, 4001}, f"a port without TLS or identity is open: {sorted(ports)}"


class TestNodeRestriction:
    """Tests of requests with the kubelet's credentials on a worker."""

    @pytest.fixture
    def node(self, cluster: Cluster) -> str:
        return cluster.workers[0]

    @pytest.fixture
    def other_node(self, cluster: Cluster) -> str:
        return cluster.workers[1]

    @staticmethod
    def kubectl(cluster: Cluster, node: str, words: str) -> CommandResult:
        return cluster.ssh(node, f"{KUBECTL} {NODE_CREDENTIALS} {words}", check=False)

    def assert_refused(self, cluster: Cluster, node: str, words: str) -> None:
        result = self.kubectl(cluster, node, words)
        assert result.code != 0, f"{words}: a node was allowed to: {result.text}"
        assert re.search(r"[Ff]orbidden|not allowed", result.text), (
            f"{words}: refused for another reason: {result.text}"
        )

    def test_kubelet_credentials_are_those_of_its_node(self, cluster: Cluster, node: str) -> None:
        result = self.kubectl(cluster, node, "auth whoami -o json")
        user = json.loads(result.stdout)["status"]["userInfo"]
        assert user["username"] == f"system:node:{node}"
        assert "system:nodes" in user["groups"]
        assert "system:masters" not in user["groups"]

    def test_kubelet_reads_only_secrets_of_its_own_pods(
        self, cluster: Cluster, namespace: str, node: str, other_node: str
    ) -> None:
        for name, where in (("mine", node), ("theirs", other_node)):
            cluster.kubectl("create", "secret", "generic", "-n", namespace, name, "--from-literal=word=x")
            source = [{"name": "WORD", "valueFrom": {"secretKeyRef": {"name": name, "key": "word"}}}]
            main = pods.container("sleep 600", env=source)
            cluster.apply(pods.pod(namespace, name, pods.spec(main, **pods.on_node(where))))
        for name in ("mine", "theirs"):
            wait = ("wait", "-n", namespace, "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
            cluster.kubectl(*wait)
        assert self.kubectl(cluster, node, f"get secret -n {namespace} mine").code == 0
        self.assert_refused(cluster, node, f"get secret -n {namespace} theirs")
        self.assert_refused(cluster, node, f"get secrets -n {namespace}")

    def test_kubelet_changes_only_unrestricted_labels_of_its_own_node(
        self, cluster: Cluster, node: str, other_node: str
    ) -> None:
        self.assert_refused(cluster, node, f"label node {other_node} color=red")
        self.assert_refused(cluster, node, f"label node {node} node-restriction.kubernetes.io/team=x")
        self.assert_refused(cluster, node, f"label node {node} node-role.kubernetes.io/control-plane=")
        self.assert_refused(cluster, node, f"taint node {node} key=value:NoSchedule")

    def test_kubelet_deletes_no_node(self, cluster: Cluster, node: str, other_node: str) -> None:
        for name in (node, other_node):
            self.assert_refused(cluster, node, f"delete node {name} --dry-run=server")

    def test_kubelet_creates_no_pods_on_other_nodes(
        self, cluster: Cluster, node: str, namespace: str
    ) -> None:
        self.assert_refused(cluster, node, f"run -n {namespace} stray --image={pods.IMAGE}")
        self.assert_refused(
            cluster, node, "create clusterrolebinding stray --clusterrole=cluster-admin --user=x"
        )
