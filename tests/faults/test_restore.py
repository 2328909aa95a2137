"""A snapshot of etcd is taken while clients write, the data of every member is destroyed, and restored."""

from __future__ import annotations

import time
from pathlib import Path

from testkit.wait import eventually
from tests.faults.client import NAMESPACE
from tests.faults.conftest import Note
from tests.faults.ha import Ha
from tests.faults.load import load


def test_every_object_of_a_snapshot_comes_back(sound: Ha, note: Note, tmp_path: Path) -> None:
    with load(sound) as client:
        time.sleep(10)
        before = time.time()
        began = time.monotonic()
        sound.command("snapshot", "--to", str(tmp_path))
        note(snapshot=round(time.monotonic() - began, 1))
        (snapshot,) = [path for path in tmp_path.iterdir() if path.suffix != ".sha256"]
        time.sleep(5)
        client.stop()
        assert client.report().writes > 0
        # Writes after the snapshot do not return, which proves that the data was restored.
        sound.kubectl("create", "configmap", "later", "-n", NAMESPACE)
        for host in sound.members:
            sound.ssh(host, "systemctl stop etcd.service; rm -rf /var/lib/etcd/member")
        began = time.monotonic()
        sound.command("restore", "--snapshot", str(snapshot))
        sound.whole()
        note(restore=round(time.monotonic() - began, 1))
        lost = client.lost(until=before)
        note(written_before=client.report(until=before).writes, lost=len(lost))
        assert lost == []
    found = sound.kubectl("get", "configmap", "later", "-n", NAMESPACE, check=False)
    assert found.code != 0, "what was written after the snapshot is there: nothing was restored"
    # Watches must not continue from the past: a new pod must be created, scheduled and run.
    sound.kubectl("delete", "namespace", NAMESPACE, timeout=120)
    replaced = sound.pods("kube-system", "k8s-app=kube-dns")[0]["metadata"]
    sound.kubectl("delete", "pod", "-n", "kube-system", replaced["name"])
    eventually(
        "a pod is made in the place of a deleted one",
        lambda: (
            replaced["uid"]
            not in {pod["metadata"]["uid"] for pod in sound.pods("kube-system", "k8s-app=kube-dns")}
        ),
        timeout=60,
    )
    sound.wait_rollout("kube-system", "deployment/coredns")
