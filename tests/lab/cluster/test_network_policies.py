"""Lab tests of network policies [G1, G3]: what they refuse and allow, and that restarts keep them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from testkit import pods
from testkit.cluster import Cluster
from testkit.netproof import fetch_command
from testkit.wait import eventually

ENFORCED_SECONDS = 5
"""Time from the change of a policy until nodes apply it."""
ADMIN_PORT = pods.PORT + 1
_SERVE_BOTH = (
    f"mkdir -p /tmp/www && hostname >/tmp/www/index.html && httpd -p {ADMIN_PORT} -h /tmp/www && "
    f"exec httpd -f -p {pods.PORT} -h /tmp/www"
)
DENY_ALL = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
DENY_INGRESS = {"podSelector": {}, "policyTypes": ["Ingress"]}
RESTARTED_UNITS = ("kube-router", "kubelet", "flanneld", "kube-proxy", "containerd")


@dataclass(frozen=True)
class Field:
    """A server on the first worker, and clients on both workers, in two namespaces."""

    cluster: Cluster
    namespace: str
    other: str

    def address(self) -> str:
        return str(self.cluster.get("pod", "-n", self.namespace, "server")["status"]["podIP"])

    def connects(self, client: str, *, namespace: str = "", port: int = pods.PORT, wait: int = 2) -> bool:
        """Return whether a client opens a new connection to the server."""
        command = f"timeout {wait} wget -q -O - http://{self.address()}:{port}/"
        result = self.cluster.run_in_pod(namespace or self.namespace, client, command, check=False)
        return result.code == 0 and result.stdout.strip() == "server"

    def policy(self, name: str, spec: Mapping[str, Any]) -> None:
        """Create or replace a NetworkPolicy in the namespace of the server."""
        metadata = {"namespace": self.namespace, "name": name}
        document = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
        self.cluster.apply({**document, "metadata": metadata, "spec": dict(spec)})

    def remove(self, name: str) -> None:
        self.cluster.kubectl("delete", "networkpolicy", "-n", self.namespace, name)

    def expect(self, expected: Mapping[str, bool]) -> None:
        """Wait until exactly the expected clients of the namespace connect."""
        eventually(
            f"connections {expected}",
            lambda: {client: self.connects(client) for client in expected} == expected,
            timeout=ENFORCED_SECONDS + 10,
        )


@pytest.fixture(scope="module")
def field(cluster: Cluster) -> Iterator[Field]:
    first, second = cluster.workers
    server = pods.container(_SERVE_BOTH, readinessProbe=pods.PROBE)
    idle = pods.container("sleep 3600")
    names = ("policies", "policies-other")
    try:
        for name in names:
            cluster.apply(pods.namespace(name, [("team", name)]))
        cluster.apply(
            pods.pod(names[0], "server", pods.spec(server, **pods.on_node(first))),
            pods.pod(names[0], "near", pods.spec(idle, **pods.on_node(first))),
            pods.pod(names[0], "far", pods.spec(idle, **pods.on_node(second))),
            pods.pod(names[1], "far", pods.spec(idle, **pods.on_node(second))),
        )
        for name in names:
            cluster.kubectl("wait", "-n", name, "--for=condition=Ready", "pod", "--all", "--timeout=90s")
        yield Field(cluster, *names)
    finally:
        for name in names:
            cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(autouse=True)
def no_policies(field: Field) -> Iterator[None]:
    yield
    field.cluster.kubectl("delete", "networkpolicy", "-n", field.namespace, "--all")
    field.expect({"near": True, "far": True})


def test_default_deny_refuses_the_next_connection_and_its_removal_opens_again(field: Field) -> None:
    field.expect({"near": True, "far": True})
    field.policy("deny", DENY_INGRESS)
    applied = time.monotonic()
    while field.connects("far", wait=1) or field.connects("near", wait=1):
        assert time.monotonic() - applied < ENFORCED_SECONDS, "the policy is not enforced"
    field.remove("deny")
    field.expect({"near": True, "far": True})


def test_policy_allows_by_label(field: Field) -> None:
    allowed = [{"from": [{"podSelector": {"matchLabels": {"app": "far"}}}]}]
    field.policy("by-label", {**DENY_INGRESS, "ingress": allowed})
    field.expect({"near": False, "far": True})
    assert not field.connects("far", namespace=field.other), "the label of another namespace is allowed"


def test_policy_allows_by_namespace(field: Field) -> None:
    allowed = [{"from": [{"namespaceSelector": {"matchLabels": {"team": field.other}}}]}]
    field.policy("by-namespace", {**DENY_INGRESS, "ingress": allowed})
    field.expect({"near": False, "far": False})
    assert field.connects("far", namespace=field.other)


def test_policy_allows_by_port(field: Field) -> None:
    allowed = [{"ports": [{"protocol": "TCP", "port": ADMIN_PORT}]}]
    field.policy("by-port", {**DENY_INGRESS, "ingress": allowed})
    field.expect({"near": False, "far": False})
    assert field.connects("far", port=ADMIN_PORT)
    assert field.connects("near", port=ADMIN_PORT)


def test_egress_of_a_pod_is_limited_to_its_peers(field: Field) -> None:
    """The pod still reaches the allowed peer by its service address, which kube-proxy translates."""
    to_server = [{"to": [{"podSelector": {"matchLabels": {"app": "server"}}}]}]
    spec = {"podSelector": {"matchLabels": {"app": "far"}}, "policyTypes": ["Egress"], "egress": to_server}
    field.cluster.apply(pods.service(field.namespace, "server"))
    service = field.cluster.get("service", "-n", field.namespace, "server")["spec"]["clusterIP"]
    api = f"nc -w 2 {field.cluster.get('service', 'kubernetes')['spec']['clusterIP']} 443 </dev/null"
    assert field.cluster.run_in_pod(field.namespace, "far", api, check=False).code == 0
    field.policy("egress", spec)
    eventually(
        "the API is out of reach",
        lambda: field.cluster.run_in_pod(field.namespace, "far", api, check=False).code != 0,
        timeout=ENFORCED_SECONDS + 10,
    )
    assert field.connects("far")
    answer = field.cluster.run_in_pod(field.namespace, "far", fetch_command(service))
    assert answer.stdout.strip() == "server"


@pytest.mark.parametrize("unit", RESTARTED_UNITS)
def test_policy_survives_a_restart(field: Field, unit: str) -> None:
    """No connection succeeds during the restart, and the same policies apply after it."""
    field.policy("deny", DENY_ALL)
    field.expect({"near": False, "far": False})
    worker = field.cluster.workers[0]
    field.cluster.ssh(worker, f"systemctl restart --no-block {unit}.service")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        assert not field.connects("far", wait=1), f"open during the restart of {unit}"
    eventually(
        f"{unit} runs",
        lambda: field.cluster.ssh(worker, f"systemctl is-active {unit}", check=False).code == 0,
        timeout=60,
    )


def test_policy_stays_enforced_while_the_controller_is_stopped(field: Field) -> None:
    field.policy("deny", DENY_INGRESS)
    field.expect({"near": False, "far": False})
    worker = field.cluster.workers[0]
    field.cluster.ssh(worker, "systemctl stop kube-router.service")
    try:
        time.sleep(5)
        assert not field.connects("near")
        assert not field.connects("far")
    finally:
        field.cluster.ssh(worker, "systemctl start kube-router.service")


def test_services_work_beside_the_policies_of_other_pods(field: Field, cluster: Cluster) -> None:
    """A pod that no policy selects is not restricted by a deny-all policy of another pod."""
    only_server = {"podSelector": {"matchLabels": {"app": "server"}}, "policyTypes": ["Ingress"]}
    field.policy("server", only_server)
    field.expect({"near": False, "far": False})
    answer = cluster.run_in_pod(field.namespace, "far", "nslookup kubernetes.default.svc.cluster.local.")
    assert "Address" in answer.stdout


def test_controller_listens_only_on_loopback(cluster: Cluster) -> None:
    for host in cluster.nodes:
        kubectl = "/usr/local/lib/kubewright/bin/kubectl --kubeconfig=/dev/null"
        metrics = cluster.ssh(host, f"{kubectl} --server=http://127.0.0.1:20244 get --raw /metrics").stdout
        assert "kube_router_controller_policy_chains" in metrics
        url = f"http://{cluster.address(host)}:20244"
        assert cluster.ssh(host, f"{kubectl} --server={url} get --raw /metrics", check=False).code != 0


def other_services(cluster: Cluster, host: str) -> dict[str, str]:
    return {unit: start for unit, start in cluster.services(host).items() if unit != "kube-router.service"}


@pytest.mark.release
def test_none_removes_the_rules_and_warns_authors(field: Field, cluster: Cluster) -> None:
    """No other service restarts, in either direction, and a policy takes effect when `none` is removed."""
    tools = "PATH=$PATH:/usr/local/lib/kubewright/netfilter"
    before = {host: other_services(cluster, host) for host in cluster.nodes}
    with cluster.temporary_settings({"network": {"policies": "none"}}):
        assert "NetworkPolicy objects have no effect" in cluster.preview().text
        cluster.up()
        for host in cluster.nodes:
            rules = cluster.ssh(host, f"{tools} iptables-save").stdout
            assert not [line for line in rules.splitlines() if "KUBE-ROUTER" in line or "KUBE-POD-FW" in line]
        manifest = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": DENY_INGRESS}
        manifest |= {"metadata": {"name": "deny", "namespace": field.namespace}}
        created = cluster.kubectl("create", "-f", "-", stdin=json.dumps(manifest))
        assert "does not enforce network policies" in created.text
        field.expect({"near": True, "far": True})
    field.expect({"near": False, "far": False})
    assert {host: other_services(cluster, host) for host in cluster.nodes} == before
