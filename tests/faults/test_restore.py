"""Fault test of a restore: a snapshot is taken during writes, the data of every member is destroyed and
restored.
"""

from __future__ import annotations

import time
from pathlib import Path

from testkit.figures import RecordFigures
from testkit.snapshots import take_snapshot
from testkit.wait import eventually
from tests.faults.client import NAMESPACE
from tests.faults.ha import HaCluster
from tests.faults.load import running_client


def test_restore_returns_every_object_of_the_snapshot(
    healthy_cluster: HaCluster, record_figures: RecordFigures, tmp_path: Path
) -> None:
    with running_client(healthy_cluster) as client:
        time.sleep(10)
        before = time.time()
        began = time.monotonic()
        snapshot = take_snapshot(healthy_cluster, tmp_path)
        record_figures(snapshot=round(time.monotonic() - began, 1))
        time.sleep(5)
        client.stop()
        assert client.report().writes > 0
        # Writes after the snapshot do not exist after the restore, which proves that the data comes from
        # the snapshot.
        healthy_cluster.kubectl("create", "configmap", "later", "-n", NAMESPACE)
        for host in healthy_cluster.members:
            healthy_cluster.ssh(host, "systemctl stop etcd.service; rm -rf /var/lib/etcd/member")
        began = time.monotonic()
        healthy_cluster.command("restore", "--snapshot", str(snapshot))
        healthy_cluster.wait_healthy()
        record_figures(restore=round(time.monotonic() - began, 1))
        lost = client.lost_numbers(until=before)
        record_figures(written_before=client.report(until=before).writes, lost=len(lost))
        assert lost == []
    later = healthy_cluster.kubectl("get", "configmap", "later", "-n", NAMESPACE, check=False)
    assert later.code != 0, "a write after the snapshot exists: nothing was restored"
    # Watches must not continue with old revisions: a new pod must be created, scheduled and run.
    healthy_cluster.kubectl("delete", "namespace", NAMESPACE, timeout=120)
    replaced = healthy_cluster.pods("kube-system", "k8s-app=kube-dns")[0]["metadata"]
    healthy_cluster.kubectl("delete", "pod", "-n", "kube-system", replaced["name"])
    eventually(
        "a pod replaces the deleted one",
        lambda: (
            replaced["uid"]
            not in {pod["metadata"]["uid"] for pod in healthy_cluster.pods("kube-system", "k8s-app=kube-dns")}
        ),
        timeout=60,
    )
    healthy_cluster.wait_rollout("kube-system", "deployment/coredns")
