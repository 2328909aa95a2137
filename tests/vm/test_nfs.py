"""A StatefulSet whose volume is on an NFS server: it moves to another node with its data [H3]."""

from __future__ import annotations

import time

from testkit import pods
from testkit.cluster import Cluster
from testkit.figures import RecordFigures
from testkit.stateful_sets import starts, stateful_set, wait_ready
from testkit.wait import eventually
from tests.vm.nodes import NAMESPACE, READY_SECONDS, WORKERS

POD = "db-0"
# kubernetes.io/docs/concepts/cluster-administration/node-shutdown: an administrator confirms with this taint
# that a node is down, so that the pods of StatefulSets start elsewhere.
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"


def node_of(cluster: Cluster, *, without: str = "") -> str:
    """Wait until the pod runs on a node other than `without`. Return the name of the node."""

    def moved() -> str:
        pod = wait_ready(cluster, NAMESPACE, POD, timeout=READY_SECONDS)
        return str(pod["spec"]["nodeName"]) if pod["spec"]["nodeName"] != without else ""

    return eventually(f"the pod runs, and not on {without}", moved, timeout=READY_SECONDS)


def test_stateful_set_moves_to_another_node_with_its_data(
    nfs: Cluster, record_figures: RecordFigures
) -> None:
    """The pod moves by a drain, and back because its node has lost its power."""
    nfs.apply(pods.namespace(NAMESPACE))
    nfs.apply(stateful_set(NAMESPACE, "db", storageClassName="", accessModes=["ReadWriteMany"]))
    first = node_of(nfs)
    mounted = nfs.ssh(first, "grep ' nfs4 ' /proc/mounts").stdout
    assert "vers=4.2" in mounted, mounted
    assert starts(nfs, NAMESPACE, POD) == 1

    began = time.monotonic()
    drain = ("drain", first, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=300s")
    nfs.kubectl(*drain, timeout=310)
    second = node_of(nfs, without=first)
    record_figures(moved_by_drain=round(time.monotonic() - began, 1))
    assert {first, second} == set(WORKERS)
    assert starts(nfs, NAMESPACE, POD) == 2
    nfs.kubectl("uncordon", first)

    began = time.monotonic()
    nfs.stop_host(second)
    eventually("the node is not Ready", lambda: second not in nfs.ready_nodes(), timeout=180)
    nfs.kubectl("taint", "node", second, OUT_OF_SERVICE)
    assert node_of(nfs, without=second) == first
    record_figures(moved_after_power_failure=round(time.monotonic() - began, 1))
    assert starts(nfs, NAMESPACE, POD) == 3

    nfs.start_host(second)
    nfs.wait_all_ready(READY_SECONDS)
    nfs.kubectl("taint", "node", second, f"{OUT_OF_SERVICE}-")
    nfs.kubectl("delete", "namespace", NAMESPACE, timeout=180)
