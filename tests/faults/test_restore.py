"""Fault test of a restore: a snapshot is taken during writes, the data of every member is destroyed and
restored.
"""

from __future__ import annotations

import time
from pathlib import Path

from testkit.wait import eventually
from tests.faults.client import NAMESPACE
from tests.faults.conftest import Note
from tests.faults.ha import Ha
from tests.faults.load import running_client


def test_restore_returns_every_object_of_the_snapshot(healthy: Ha, note: Note, tmp_path: Path) -> None:
    with running_client(healthy) as client:
        time.sleep(10)
        before = time.time()
        began = time.monotonic()
        healthy.command("snapshot", "--to", str(tmp_path))
        note(snapshot=round(time.monotonic() - began, 1))
        (snapshot,) = [path for path in tmp_path.iterdir() if path.suffix != ".sha256"]
        time.sleep(5)
        client.stop()
        assert client.report().writes > 0
        # Writes after the snapshot do not exist after the restore, which proves that the data comes from
        # the snapshot.
        healthy.kubectl("create", "configmap", "later", "-n", NAMESPACE)
        for host in healthy.members:
            healthy.ssh(host, "systemctl stop etcd.service; rm -rf /var/lib/etcd/member")
        began = time.monotonic()
        healthy.command("restore", "--snapshot", str(snapshot))
        healthy.wait_healthy()
        note(restore=round(time.monotonic() - began, 1))
        lost = client.lost_numbers(until=before)
        note(written_before=client.report(until=before).writes, lost=len(lost))
        assert lost == []
    later = healthy.kubectl("get", "configmap", "later", "-n", NAMESPACE, check=False)
    assert later.code != 0, "a write after the snapshot exists: nothing was restored"
    # Watches must not continue with old revisions: a new pod must be created, scheduled and run.
    healthy.kubectl("delete", "namespace", NAMESPACE, timeout=120)
    replaced = healthy.pods("kube-system", "k8s-app=kube-dns")[0]["metadata"]
    healthy.kubectl("delete", "pod", "-n", "kube-system", replaced["name"])
    eventually(
        "a pod replaces the deleted one",
        lambda: (
            replaced["uid"]
            not in {pod["metadata"]["uid"] for pod in healthy.pods("kube-system", "k8s-app=kube-dns")}
        ),
        timeout=60,
    )
    healthy.wait_rollout("kube-system", "deployment/coredns")
