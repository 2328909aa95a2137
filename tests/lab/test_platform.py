"""Lab test of Pulumi.platform.yaml: all of its add-ons run together, and are removed one after another."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit import lab_slots, pods, stackfile
from testkit.add_on_images import build_images
from testkit.cluster import CHECKOUT, Cluster
from testkit.figures import RecordFigures
from testkit.metric_source import scaled_object
from testkit.scaling import deployment, wait_for_pods
from testkit.state import removed_at_end
from testkit.wait import eventually

# The first test builds the images of the add-ons, unless the cache has them.
pytestmark = [pytest.mark.release, pytest.mark.timeout(7200)]

REMOVED = {
    # The add-on: its namespaces, parts of names of its definitions, and parts of names of units of hosts.
    "monitoring": (["monitoring"], [], ["metrics-gateway", "node-exporter", "host-metrics"]),
    "keda": (["keda"], ["keda.sh"], []),
    "events": ([], [], []),
    "logs": (["logs"], [], []),
    "registry": (["registry"], [], []),
    # The definitions of the Gateway API stay, because other controllers can use them.
    "ingress": (["traefik"], [], []),
    "cert_manager": (["cert-manager"], ["cert-manager.io"], []),
}
"""Add-ons of the stack in the order of their removal: each is removed before an add-on that it uses."""


SHOP = "shop"
METRICS = "metrics.txt"
PROMETHEUS = "https://prometheus.monitoring.svc:9090"
IMAGES = (
    *("prometheus", "alertmanager", "keda", "otelcol", "loki", "distribution"),
    *("traefik", "cert-manager", "local-path-provisioner"),
)


@pytest.fixture(scope="module")
def cluster(state: Path) -> Iterator[Cluster]:
    """Yield the stack in a network of its own. Its hosts do not exist yet."""
    slot = lab_slots.reserve("kwplatform", state)
    config = stackfile.from_checkout(CHECKOUT / "Pulumi.platform.yaml", *slot)
    build_images(*IMAGES)
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        yield cluster


def namespaces(cluster: Cluster) -> set[str]:
    return {item["metadata"]["name"] for item in cluster.items("namespaces")}


def memory_by_namespace(cluster: Cluster) -> dict[str, int]:
    """Return the memory in use by all pods in MiB, by namespace."""
    used: Counter[str] = Counter()
    for node in cluster.nodes:
        summary = json.loads(
            cluster.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary").stdout
        )
        for pod in summary["pods"]:
            used[pod["podRef"]["namespace"]] += pod.get("memory", {}).get("workingSetBytes", 0)
    return {name: round(size / 2**20) for name, size in sorted(used.items())}


def test_all_add_ons_come_up_from_nothing(cluster: Cluster, record_figures: RecordFigures) -> None:
    began = time.monotonic()
    cluster.up()
    record_figures(up=round(time.monotonic() - began))
    cluster.wait_all_ready()
    assert cluster.previewed_operations() == {}
    eventually(
        "`status` reports no problem", lambda: not cluster.command("status", check=False).code, timeout=300
    )
    record_figures(**{f"MiB of {name}": size for name, size in memory_by_namespace(cluster).items()})
    assert set(REMOVED) == set(cluster.config[stackfile.CLUSTER]["addons"])


def set_metric(cluster: Cluster, value: int) -> None:
    """Set the number of waiting jobs that the pod `queue` shows."""
    cluster.run_in_pod(SHOP, "queue", f"echo jobs_waiting {value} >/tmp/www/{METRICS}")


def test_workload_follows_a_metric_that_prometheus_scrapes(cluster: Cluster) -> None:
    """KEDA asks the Prometheus of the cluster, whose certificate the CA of the cluster signed."""
    queue = pods.pod(SHOP, "queue", pods.spec(pods.serving_container()))
    queue["metadata"]["annotations"] = {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(pods.PORT),
        # busybox knows the media type of this ending. Prometheus requires one.
        "prometheus.io/path": f"/{METRICS}",
    }
    cluster.apply(pods.namespace(SHOP), queue, deployment(SHOP, "worker", "exec sleep 100000"))
    cluster.kubectl("wait", "-n", SHOP, "--for=condition=Ready", "pod/queue", "--timeout=60s", timeout=70)
    try:
        cluster.apply(scaled_object(SHOP, "worker", "worker", PROMETHEUS))
        for value, number in ((6, 3), (0, 0), (4, 2)):
            set_metric(cluster, value)
            wait_for_pods(cluster, SHOP, "worker", number)
    finally:
        cluster.kubectl("delete", "scaledobject", "-n", SHOP, "--all", "--wait=true")
        cluster.kubectl("delete", "namespace", SHOP, "--wait=true", timeout=120)


@pytest.mark.parametrize("add_on", REMOVED)
def test_removed_line_removes_the_add_on(cluster: Cluster, add_on: str) -> None:
    own_namespaces, definitions, units = REMOVED[add_on]
    assert set(own_namespaces) <= namespaces(cluster), "the add-on was not there"
    cluster.merge_settings({"addons": {add_on: stackfile.DELETE}})
    cluster.up()
    assert not set(own_namespaces) & namespaces(cluster)
    found = [item["metadata"]["name"] for item in cluster.items("customresourcedefinitions")]
    assert not [name for name in found for part in definitions if name.endswith(part)]
    for host in cluster.nodes:
        running = cluster.services(host)
        assert not [unit for unit in running for part in units if part in unit]
    assert cluster.previewed_operations() == {}


def test_nothing_of_the_add_ons_is_left(cluster: Cluster) -> None:
    assert not [item["metadata"]["name"] for item in cluster.items("persistentvolumes")]
    kinds = ("clusterroles", "clusterrolebindings", "apiservices", "validatingwebhookconfigurations")
    names = {item["metadata"]["name"] for kind in kinds for item in cluster.items(kind)}
    words = ("keda", "prometheus", "traefik", "cert-manager", "log-shipper", "loki", "registry")
    assert not [name for name in names for word in words if word in name]
    assert not cluster.command("status", check=False).code
