"""The NFS client of nodes, and a StatefulSet that moves with its data on an NFS server [H3]."""

from __future__ import annotations

import time

from testkit import nfs_server, pods
from testkit.cluster import Cluster
from testkit.figures import RecordFigures
from testkit.stateful_sets import starts, stateful_set, wait_ready
from testkit.wait import eventually
from tests.vm.nodes import NAMESPACE, READY_SECONDS, SERVER, WORKERS

UNIT = "kubewright-nfs.service"
POD = "db-0"
# kubernetes.io/docs/concepts/cluster-administration/node-shutdown: an administrator confirms with this taint
# that a node is down, so that the pods of StatefulSets start elsewhere.
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"


def test_nodes_mount_with_the_programs_of_the_bundle(nfs: Cluster) -> None:
    """mount(8) finds the programs by links, which the unit makes, and which a disabled unit removes."""
    node = WORKERS[0]
    mount = f"mount -t nfs -o vers=4 {nfs.address(SERVER)}:{nfs_server.EXPORT} /mnt"
    nfs.ssh(node, f"systemctl disable --quiet {UNIT} && systemctl stop {UNIT}", timeout=120)
    assert nfs.ssh(node, mount, check=False, timeout=120).code == 32
    assert not nfs.ssh(node, "ls /sbin | grep nfs || :").stdout
    nfs.ssh(node, f"systemctl enable --quiet {UNIT} && systemctl start {UNIT}", timeout=120)
    nfs.ssh(node, f"{mount} && umount /mnt", timeout=120)


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
    assert " nfs4 rw," in mounted, mounted
    assert "vers=4.2" in mounted, "the newest version of the server"
    assert ",hard," in mounted, mounted
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
