"""Lab test of scaling: by a metric that KEDA asks of a server of Prometheus's API, and by memory."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from testkit import lab_slots, pods, stackfile
from testkit.add_on_images import build_images
from testkit.cluster import CHECKOUT, Cluster
from testkit.metric_source import MetricSource, scaled_object, serve_metric
from testkit.scaling import SCALED, deployment, wait_for_pods
from testkit.state import removed_at_end
from testkit.wait import eventually
from topology.keda import NAMESPACE as KEDA
from topology.keda import PROGRAMS

NAMESPACE = "scaling"
PORT = 9090
API = "/apis/external.metrics.k8s.io/v1beta1"

# The first test builds the images of KEDA, unless the cache has them.
pytestmark = [pytest.mark.release, pytest.mark.timeout(5400)]


@pytest.fixture(scope="module")
def network(state: Path) -> IPv4Network:
    return IPv4Network(lab_slots.reserve("kwkeda", state).network)


@pytest.fixture(scope="module")
def cluster(state: Path) -> Iterator[Cluster]:
    """Yield a cluster with KEDA."""
    slot = lab_slots.reserve("kwkeda", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1"])
    config[stackfile.CLUSTER]["addons"] = {"keda": {}}
    build_images("keda")
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.up()
        cluster.apply(pods.namespace(NAMESPACE))
        yield cluster


@pytest.fixture(scope="module")
def source(cluster: Cluster, network: IPv4Network) -> Iterator[MetricSource]:
    """Serve the metric on the address of this machine in the network of the lab."""
    with serve_metric(str(network[-2]), PORT) as running:
        yield running


def test_programs_run_and_the_api_is_available(cluster: Cluster) -> None:
    for program in PROGRAMS:
        cluster.wait_rollout(KEDA, f"deployment/{program}")
    answer = cluster.kubectl("get", "--raw", API).text
    assert '"kind":"APIResourceList"' in answer


def test_workload_follows_a_metric_to_zero_and_back(cluster: Cluster, source: MetricSource) -> None:
    cluster.apply(deployment(NAMESPACE, "worker", "exec sleep 100000"))
    source.set(6)
    cluster.apply(scaled_object(NAMESPACE, "worker", "worker", source.url))
    wait_for_pods(cluster, NAMESPACE, "worker", 3)
    source.set(2)
    wait_for_pods(cluster, NAMESPACE, "worker", 1)
    source.set(0)
    wait_for_pods(cluster, NAMESPACE, "worker", 0)
    source.set(4)
    wait_for_pods(cluster, NAMESPACE, "worker", 2)


def test_workload_follows_its_memory(cluster: Cluster) -> None:
    """Each pod of the first version uses more memory than it requests, those of the second version less."""
    metric = {
        "type": "Resource",
        "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 100}},
    }
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "cache", "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cache"},
            "minReplicas": 1,
            "maxReplicas": 3,
            "metrics": [metric],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }
    # A variable of the shell holds 60 MB.
    fill = "x=$(head -c 60000000 /dev/zero | tr '\\0' x); while :; do sleep 1; done"
    cluster.apply(deployment(NAMESPACE, "cache", fill))
    cluster.apply(autoscaler)
    wait_for_pods(cluster, NAMESPACE, "cache", 3)
    cluster.apply(deployment(NAMESPACE, "cache", "exec sleep 100000"))
    wait_for_pods(cluster, NAMESPACE, "cache", 1)


def test_removal_is_refused_while_objects_exist(cluster: Cluster) -> None:
    cluster.apply(deployment(NAMESPACE, "kept", "exec sleep 100000"))
    cluster.apply(scaled_object(NAMESPACE, "kept", "kept", "https://prometheus.example"))

    def has_finalizer() -> bool:
        metadata = cluster.get("scaledobject", "-n", NAMESPACE, "kept")["metadata"]
        return "finalizer.keda.sh" in metadata.get("finalizers", ())

    eventually("the operator sets its finalizer", has_finalizer, timeout=SCALED)
    with cluster.edited_stack_file({"addons": stackfile.DELETE}):
        for command in ("preview", "up"):
            result = cluster.command(command, check=False)
            assert result.code != 0
            assert f"scaledobjects.keda.sh {NAMESPACE}/kept" in result.text
    cluster.wait_rollout(KEDA, "deployment/keda-operator")


def test_removed_line_removes_keda(cluster: Cluster) -> None:
    cluster.kubectl("delete", "scaledobject", "-n", NAMESPACE, "--all", "--wait=true")
    with cluster.temporary_settings({"addons": stackfile.DELETE}):
        cluster.up()
        names = {item["metadata"]["name"] for item in cluster.items("namespaces")}
        assert KEDA not in names
        assert "external.metrics.k8s.io" not in cluster.kubectl("api-versions").text
        definitions = {item["metadata"]["name"] for item in cluster.items("customresourcedefinitions")}
        assert not [name for name in definitions if name.endswith("keda.sh")]
