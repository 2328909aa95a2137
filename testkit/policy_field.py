"""Pods in two namespaces between which network policies apply, and what policies refuse and allow.

The cases hold on any cluster that enforces network policies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from testkit import pods
from testkit.cluster import Cluster
from testkit.netproof import fetch_command
from testkit.wait import eventually

ENFORCED_SECONDS = 5
"""Time from the change of a policy until nodes apply it."""
DENY_INGRESS = {"podSelector": {}, "policyTypes": ["Ingress"]}
_ADMIN_PORT = pods.PORT + 1
_SERVE_BOTH = (
    f"mkdir -p /tmp/www && hostname >/tmp/www/index.html && httpd -p {_ADMIN_PORT} -h /tmp/www && "
    f"exec httpd -f -p {pods.PORT} -h /tmp/www"
)


@dataclass(frozen=True)
class Field:
    """A server and a client `near` on a node, and clients `far` on another node, in two namespaces.

    The server and `near` are in the first namespace.
    """

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

    def remove_policies(self) -> None:
        """Delete all policies, and wait until both clients of the namespace connect."""
        self.cluster.kubectl("delete", "networkpolicy", "-n", self.namespace, "--all")
        self.expect({"near": True, "far": True})


@contextmanager
def policy_field(cluster: Cluster, first: str, second: str) -> Iterator[Field]:
    """Start the pods: the server on the node `first`. Delete them after the block."""
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


def _allows_by_label(field: Field) -> None:
    """Expect that a label of pods admits pods of the same namespace only."""
    allowed = [{"from": [{"podSelector": {"matchLabels": {"app": "far"}}}]}]
    field.policy("by-label", {**DENY_INGRESS, "ingress": allowed})
    field.expect({"near": False, "far": True})
    assert not field.connects("far", namespace=field.other), "the label of another namespace is allowed"


def _allows_by_namespace(field: Field) -> None:
    """Expect that a label of a namespace admits its pods only."""
    allowed = [{"from": [{"namespaceSelector": {"matchLabels": {"team": field.other}}}]}]
    field.policy("by-namespace", {**DENY_INGRESS, "ingress": allowed})
    field.expect({"near": False, "far": False})
    assert field.connects("far", namespace=field.other)


def _allows_by_port(field: Field) -> None:
    """Expect that a policy admits connections to one of two ports."""
    allowed = [{"ports": [{"protocol": "TCP", "port": _ADMIN_PORT}]}]
    field.policy("by-port", {**DENY_INGRESS, "ingress": allowed})
    field.expect({"near": False, "far": False})
    assert field.connects("far", port=_ADMIN_PORT)
    assert field.connects("near", port=_ADMIN_PORT)


def _limits_egress_to_peers(field: Field) -> None:
    """Expect that a pod reaches only its peer, also by the address of a service, which nodes translate."""
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


CASES: Mapping[str, Callable[[Field], None]] = {
    "label": _allows_by_label,
    "namespace": _allows_by_namespace,
    "port": _allows_by_port,
    "egress": _limits_egress_to_peers,
}
"""Checks of policies. The caller removes the policies."""
