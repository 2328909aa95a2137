"""Fault test: flannel's backend is changed on a running cluster, and changed back."""

from __future__ import annotations

import os
import time

import pytest

from testkit import host_network, http_client, pods
from testkit.figures import RecordFigures
from tests.faults.ha import HaCluster

NAMESPACE = "backend"
MARKER = str(20_000_000 + os.getpid())
MAX_GAP = 5
"""Maximum time without an answer from a pod on another node, in seconds."""


@pytest.mark.parametrize("backend", ["host-gw", "vxlan"])
def test_backend_is_changed_on_a_running_cluster(
    healthy_cluster: HaCluster, record_figures: RecordFigures, backend: str
) -> None:
    """Nodes change one after another. Pods of changed nodes reach those of the others all the time."""
    before = {
        node: healthy_cluster.invocation_id("kubelet.service", node) for node in healthy_cluster.workers
    }
    url = f"http://{start_pods(healthy_cluster)}:{pods.PORT}/"
    try:
        with http_client.client(MARKER, url) as client:
            time.sleep(3)
            healthy_cluster.merge_settings({"network": {"backend": backend}})
            began = time.monotonic()
            healthy_cluster.up()
            record_figures(backend=backend, up=round(time.monotonic() - began, 1))
            time.sleep(5)
            requests = client.stop()
    finally:
        healthy_cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=true", timeout=120)
    record_figures(**requests.__dict__)
    assert requests.longest_gap < MAX_GAP
    assert requests.answered > requests.failed
    after = {node: healthy_cluster.invocation_id("kubelet.service", node) for node in healthy_cluster.workers}
    assert before == after, "a kubelet was restarted"
    for node in healthy_cluster.nodes:
        assert tunnels(healthy_cluster, node) is (backend == "vxlan"), node


def tunnels(cluster: HaCluster, node: str) -> bool:
    """Return whether a node sends packets for the pods of all other nodes through the device of VXLAN, which
    stays after a change to host-gw. Fail if it does so for some of them only.
    """
    other = {item["spec"]["podCIDR"] for item in cluster.items("nodes") if item["metadata"]["name"] != node}
    routes = host_network.ip(cluster.name, node, ["route", "show", "root", "10.244.0.0/16"])
    devices = {route["dst"]: route["dev"] for route in routes if route["dst"] in other}
    assert devices.keys() == other, routes
    (by_tunnel,) = {str(device) == "flannel.1" for device in devices.values()}
    return by_tunnel


def start_pods(cluster: HaCluster) -> str:
    """Start a server and a client on different nodes. Return the address of the server."""
    first, *_, last = cluster.workers
    cluster.apply(pods.namespace(NAMESPACE))
    cluster.apply(
        pods.pod(NAMESPACE, "server", pods.spec(pods.serving_container(), **pods.on_node(last))),
        pods.pod(
            NAMESPACE,
            "client",
            pods.spec(pods.container(f"exec sleep {MARKER}"), **pods.on_node(first)),
        ),
    )
    cluster.kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", "pod", "--all", "--timeout=90s")
    return str(cluster.get("pod", "-n", NAMESPACE, "server")["status"]["podIP"])
