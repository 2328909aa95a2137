"""Lab test of the add-ons that collect logs and events (`addons.logs`, `addons.events`)."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from components.addons.log_certificates import READER
from testkit import lab_slots, pods, stackfile
from testkit.add_on_images import build_images
from testkit.cluster import CHECKOUT, Cluster, tool
from testkit.control_plane import free_ports
from testkit.log_programs import LokiClient
from testkit.state import removed_at_end
from testkit.wait import eventually
from topology.logs import LOKI_PORT
from topology.logs import NAMESPACE as LOGS

NAMESPACE = "shop"
ARRIVED = 120
"""Maximum time until an entry is in Loki, in seconds."""
RATE = 500
"""Lines a second of the pod that writes while Loki is away."""
AWAY = 600
"""Time for which Loki is away, in seconds."""
SECRET = "lab-content-of-the-secret"

# The first test builds the images of the collector, Loki and local volumes, unless the cache has them.
pytestmark = [pytest.mark.release, pytest.mark.timeout(5400)]


@pytest.fixture(scope="module")
def cluster(state: Path) -> Iterator[Cluster]:
    """Yield a cluster whose Loki has a local volume."""
    slot = lab_slots.reserve("kwlogs", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1"])
    settings = config[stackfile.CLUSTER]
    settings["storage"] = {"local": {"default_class": True}}
    settings.setdefault("network", {})["policies"] = "enforced"
    settings["addons"] = {"logs": {"loki": {"storage": "2Gi", "readers": ["reader"]}}, "events": {}}
    build_images("otelcol", "loki", "local-path-provisioner")
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.up()
        cluster.apply(pods.namespace(NAMESPACE))
        yield cluster


@pytest.fixture
def loki(cluster: Cluster, tmp_path: Path) -> Iterator[LokiClient]:
    with connect(cluster, tmp_path) as client:
        yield client


@contextmanager
def connect(cluster: Cluster, directory: Path) -> Iterator[LokiClient]:
    """Yield a client of Loki, which forwards a port of the pod. `directory` gets its certificate."""
    data = cluster.get("secret", "-n", LOGS, READER)["data"]
    for name, content in data.items():
        (directory / name).write_bytes(base64.b64decode(content))
    cluster.wait_rollout(LOGS, "statefulset/loki", timeout=300)
    (port,) = free_ports(1)
    command = [tool("kubectl"), f"--kubeconfig={cluster.kubeconfig}", "port-forward", "-n", LOGS]
    forward = subprocess.Popen([*command, "service/loki", f"{port}:{LOKI_PORT}"], stdout=subprocess.DEVNULL)
    client = LokiClient(f"https://localhost:{port}", directory)
    try:
        eventually("an answer of Loki", lambda: can_query(client), timeout=60)
        yield client
    finally:
        forward.terminate()
        forward.wait()


def can_query(client: LokiClient) -> bool:
    try:
        client.query('{log_source="containers"}')
    except urllib3.exceptions.HTTPError as error:
        raise AssertionError(str(error)) from None
    return True


def test_second_preview_is_empty(cluster: Cluster) -> None:
    assert {*cluster.previewed_operations().values()} <= {"same"}


def test_every_node_has_a_shipper(cluster: Cluster) -> None:
    cluster.wait_rollout(LOGS, "daemonset/log-shipper", timeout=180)
    shippers = cluster.pods(LOGS, "app.kubernetes.io/name=log-shipper")
    assert {item["spec"]["nodeName"] for item in shippers} == {*cluster.nodes}


def test_lines_of_a_pod_that_is_gone_are_found(cluster: Cluster, loki: LokiClient) -> None:
    script = pods.container("echo a line of a pod; sleep 5")
    cluster.apply(pods.pod(NAMESPACE, "short", pods.spec(script, restartPolicy="Never")))
    query = f'{{k8s_namespace_name="{NAMESPACE}", k8s_pod_name="short", k8s_container_name="main"}}'
    eventually("the line", lambda: loki.lines(query) == ["a line of a pod"], timeout=ARRIVED)
    cluster.kubectl("delete", "pod", "-n", NAMESPACE, "short", "--wait")
    assert loki.lines(query) == ["a line of a pod"]
    events = f'{{log_source="events", k8s_namespace_name="{NAMESPACE}"}} | k8s_event_object_name="short"'
    cluster.kubectl("delete", "events", "-n", NAMESPACE, "--all")
    eventually("the events of the pod", lambda: loki.query(events), timeout=ARRIVED)


def test_journals_of_all_nodes_are_there(cluster: Cluster, loki: LokiClient) -> None:
    query = '{log_source="journal", systemd_unit="kubelet.service"}'

    def nodes() -> set[str]:
        return {entry["labels"]["k8s_node_name"] for entry in loki.query(query)}

    eventually("journals of all nodes", lambda: nodes() == {*cluster.nodes}, timeout=ARRIVED)


def test_audit_log_has_no_content_of_secrets(cluster: Cluster, loki: LokiClient) -> None:
    literal = f"--from-literal=key={SECRET}"
    cluster.kubectl("create", "secret", "generic", "payment", "-n", NAMESPACE, literal)
    cluster.kubectl("get", "secret", "payment", "-n", NAMESPACE, "-o", "yaml")
    query = '{log_source="audit"} | json | objectRef_resource="secrets" | objectRef_name="payment"'

    def verbs() -> set[str]:
        return {json.loads(line)["verb"] for line in loki.lines(query)}

    eventually("the entries of the Secret", lambda: {"create", "get"} <= verbs(), timeout=ARRIVED)
    for content in (SECRET, base64.b64encode(SECRET.encode()).decode()):
        assert not loki.query(f'{{log_source="audit"}} |= "{content}"')


def test_other_pods_cannot_connect_to_loki(cluster: Cluster) -> None:
    for namespace, connects in ((NAMESPACE, False), ("reader", True)):
        cluster.apply(pods.namespace(namespace))
        cluster.apply(pods.pod(namespace, "client", pods.spec(pods.serving_container())))
        cluster.kubectl("wait", "-n", namespace, "pod/client", "--for=condition=Ready", "--timeout=60s")
        script = f"nc -w 3 loki.{LOGS}.svc {LOKI_PORT} </dev/null"
        command = ("exec", "-n", namespace, "client", "--", "sh", "-c", script)
        result = cluster.kubectl(*command, check=False)
        assert (result.code == 0) == connects, f"{namespace}: {result.text}"


def test_nothing_is_lost_while_loki_is_away(cluster: Cluster, tmp_path: Path) -> None:
    """A pod writes 500 lines a second for ten minutes. Loki has no pod for this time."""
    cluster.kubectl("scale", "-n", LOGS, "statefulset/loki", "--replicas=0")
    script = (
        f"n=0; for second in $(seq {AWAY}); do for _ in $(seq {RATE}); do n=$((n+1)); "
        "echo line $n; done; sleep 0.8; done; echo finished; sleep 3600"
    )
    cluster.apply(pods.pod(NAMESPACE, "writer", pods.spec(pods.container(script))))
    tail = ("logs", "-n", NAMESPACE, "writer", "--tail=1")
    eventually("all lines", lambda: "finished" in cluster.kubectl(*tail).text, timeout=AWAY * 2)
    cluster.kubectl("scale", "-n", LOGS, "statefulset/loki", "--replicas=1")
    selected = f'{{k8s_namespace_name="{NAMESPACE}", k8s_pod_name="writer"}}'
    query = f'sum(count_over_time({selected} |= "line" [1h]))'
    with connect(cluster, tmp_path) as loki:

        def count() -> int:
            answer = loki.pool().request("GET", f"{loki.url}/loki/api/v1/query", fields={"query": query})
            return sum(int(item["value"][1]) for item in answer.json()["data"]["result"])

        eventually("all lines in Loki", lambda: count() == RATE * AWAY, timeout=900, interval=10)


def test_nothing_is_left_without_the_settings(cluster: Cluster) -> None:
    with cluster.temporary_settings({"addons": stackfile.DELETE}):
        cluster.up()
        assert LOGS not in {item["metadata"]["name"] for item in cluster.items("namespaces")}
        left = cluster.kubectl("get", "clusterroles,clusterrolebindings,pv", "-o", "name").text
        assert "logs" not in left
