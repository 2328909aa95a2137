"""Assertions about the pod network that hold on any cluster with any network implementation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.request import urlopen

from testkit import pods
from testkit.cluster import Cluster
from testkit.process import CommandResult
from testkit.wait import eventually

MEGABYTE = 1024 * 1024
_SERVE_COMMAND = (
    "mkdir -p /tmp/www && hostname >/tmp/www/index.html && "
    f"dd if=/dev/zero of=/tmp/www/big bs={MEGABYTE} count=1 2>/dev/null && "
    f"exec httpd -f -vv -p {pods.PORT} -h /tmp/www"
)


def fetch_command(address: str, path: str = "/") -> str:
    """Return a shell command that fetches a page within 10 s. (With -T the wget of Debian's static busybox
    crashes.)
    """
    return f"timeout 10 wget -q -O - http://{address}:{pods.PORT}{path}"


@dataclass(frozen=True)
class NetworkProof:
    """Workloads for assertions about the pod network: a DaemonSet `web` on all nodes, which a NodePort
    service exposes, and a client pod.
    """

    cluster: Cluster
    namespace: str
    node_port: int
    client: str

    def run_in_client(self, script: str, *, check: bool = True, timeout: float = 30) -> CommandResult:
        """Run a shell command in the client pod."""
        return self.cluster.run_in_pod(self.namespace, self.client, script, check=check, timeout=timeout)

    def addresses(self) -> dict[str, str]:
        """Return the address of the serving pod on each node."""
        web_pods = self.cluster.pods(self.namespace, "app=web")
        return {pod["spec"]["nodeName"]: pod["status"]["podIP"] for pod in web_pods}

    def fetch(self, address: str) -> str:
        """Fetch a page from the client and return its content: the name of a pod."""
        return self.run_in_client(fetch_command(address)).stdout.strip()

    def assert_every_pod_answers(self) -> None:
        """Assert that the client reaches the serving pod of each node by its address."""
        by_node = {
            pod["spec"]["nodeName"]: pod["metadata"]["name"]
            for pod in self.cluster.pods(self.namespace, "app=web")
        }
        assert sorted(by_node) == sorted(self.cluster.nodes)
        for node, address in self.addresses().items():
            assert self.fetch(address) == by_node[node], f"pod of {node} at {address}"

    def assert_large_files_arrive(self) -> None:
        """Assert that complete files arrive, so that packets with the size of the MTU pass."""
        for node, address in self.addresses().items():
            received_bytes = self.run_in_client(f"{fetch_command(address, '/big')} | wc -c").stdout.strip()
            assert received_bytes == str(MEGABYTE), f"from {node}: {received_bytes} bytes"

    def assert_service_answers(self) -> None:
        """Assert that the service answers at its address and names, and distributes connections over all
        pods.
        """
        service = self.cluster.get("service", "-n", self.namespace, "web")["spec"]["clusterIP"]
        for name in (service, "web", f"web.{self.namespace}.svc.cluster.local"):
            assert self.fetch(name).startswith("web-"), name
        answers = self.run_in_client(f"for i in $(seq 40); do {fetch_command(service)}; done").stdout.split()
        assert len(answers) == 40
        assert len(set(answers)) == len(self.cluster.nodes), f"only {set(answers)} answered"

    def assert_node_ports_answer(self) -> None:
        """Assert that this machine reaches the service at the NodePort of each node."""
        for node in self.cluster.nodes:
            url = f"http://{self.cluster.address(node)}:{self.node_port}/"

            def fetch(url: str = url) -> str:
                try:
                    with urlopen(url, timeout=5) as answer:
                        return str(answer.read().decode())
                except OSError as error:
                    raise AssertionError(f"{url}: {error}") from None

            page = eventually(f"an answer on the port of {node}", fetch, timeout=15)
            assert page.startswith("web-"), page


@contextmanager
def network_proof(cluster: Cluster, namespace: str, node_port: int, *, client: str) -> Iterator[NetworkProof]:
    """Create the workloads of a `NetworkProof` and delete them after the block; `client` is the node of the
    client pod.
    """
    serving_container = pods.container(_SERVE_COMMAND, readinessProbe=pods.PROBE)
    idle_container = pods.container("sleep 3600")
    cluster.apply(pods.namespace(namespace))
    try:
        cluster.apply(
            pods.daemon_set(namespace, "web", pods.spec(serving_container, tolerations=pods.TOLERATE_ALL)),
            pods.service(namespace, "web", node_port=node_port),
            pods.pod(namespace, "client", pods.spec(idle_container, **pods.on_node(client))),
        )
        cluster.wait_rollout(namespace, "daemonset/web")
        cluster.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/client", "--timeout=60s")
        yield NetworkProof(cluster=cluster, namespace=namespace, node_port=node_port, client="client")
    finally:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")
