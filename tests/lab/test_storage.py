"""Lab test of volumes on the disks of nodes: directories made on demand, and disks of a pool.

The disks are loop devices of this machine. A host of the lab has no udev: the lab makes the links to its
disks after the host has booted, as udev does on a machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.addons.local_storage import NAME
from lab import volumes
from testkit import lab_slots, pods, stackfile
from testkit.add_on_images import build_images
from testkit.cluster import CHECKOUT, Cluster
from testkit.state import removed_at_end
from testkit.stateful_sets import starts, stateful_set, wait_ready
from testkit.wait import eventually
from topology.storage import DISKS, VOLUMES

NAMESPACE = "databases"
DEVICE = "/dev/disk/by-id/lab-ssd"
SIZE = 64 * 1024**2
DISK: dict[str, Any] = {"device": DEVICE, "capacity": "60Mi", "mount_options": ["noatime"]}
WAITING_SECONDS = 10
"""Time in which a pod must not start on another node. The scheduler decides within a second."""

# The first test builds the image of the provisioner, unless the cache has it.
pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def cluster(state: Path) -> Iterator[Cluster]:
    """Yield a cluster whose default class is that of local volumes."""
    slot = lab_slots.reserve("kwdisk", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=["w-1", "w-2"])
    config[stackfile.CLUSTER]["storage"] = {"local": {"default_class": True}}
    build_images(NAME)
    created = Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)
    with pytest.MonkeyPatch.context() as patch, removed_at_end(created) as cluster:
        patch.setenv("KUBEWRIGHT_STATE", str(state))
        cluster.up()
        cluster.apply(pods.namespace(NAMESPACE))
        yield cluster


def volume_of(cluster: Cluster, claim: str) -> Any:  # noqa: ANN401 - an object of the API
    """Return the PersistentVolume of a claim."""
    name = cluster.get("pvc", "-n", NAMESPACE, claim)["spec"]["volumeName"]
    return cluster.get("pv", name)


def remove(cluster: Cluster, name: str) -> None:
    """Remove a StatefulSet and its claim."""
    cluster.kubectl("delete", "statefulset", "-n", NAMESPACE, name)
    cluster.kubectl("delete", "pvc", "-n", NAMESPACE, f"data-{name}-0", "--timeout=90s", timeout=100)


def assert_pod_waits_for_its_node(cluster: Cluster, pod: str, node: str) -> None:
    """Delete a pod while its node is down: the new pod must not start on another node."""
    cluster.stop_host(node)
    eventually(f"{node} is not Ready", lambda: node not in cluster.ready_nodes(), timeout=120)
    cluster.kubectl("delete", "pod", "-n", NAMESPACE, pod, "--force", "--grace-period=0")

    def reason() -> str:
        found = cluster.kubectl("get", "pod", "-n", NAMESPACE, pod, "-o", "json", check=False)
        if found.code:
            return ""
        conditions = cluster.get("pod", "-n", NAMESPACE, pod)["status"].get("conditions", [])
        messages = [str(item.get("message")) for item in conditions if item["type"] == "PodScheduled"]
        return next((message for message in messages if "node affinity" in message), "")

    assert eventually("the new pod waits for its volume", reason, timeout=60)
    with pytest.raises(AssertionError):
        eventually(
            "the pod has a node",
            lambda: cluster.get("pod", "-n", NAMESPACE, pod)["spec"].get("nodeName"),
            timeout=WAITING_SECONDS,
        )


def test_stateful_set_keeps_its_data_when_its_node_restarts(cluster: Cluster) -> None:
    """The claim names no class, so that it gets the default class."""
    cluster.apply(stateful_set(NAMESPACE, "db"))
    pod = wait_ready(cluster, NAMESPACE, "db-0")
    node = pod["spec"]["nodeName"]
    volume = volume_of(cluster, "data-db-0")
    assert volume["spec"]["storageClassName"] == "local"
    path = volume["spec"]["local"]["path"]
    assert path.startswith(f"{VOLUMES}/")
    assert starts(cluster, NAMESPACE, "db-0") == 1

    # A power failure and a start, without a drain.
    cluster.stop_host(node)
    cluster.start_host(node)
    cluster.wait_all_ready()
    eventually(
        "the pod started again",
        lambda: starts(cluster, NAMESPACE, "db-0", check=False) == 2,
        timeout=180,
        interval=2,
    )
    assert wait_ready(cluster, NAMESPACE, "db-0")["metadata"]["uid"] == pod["metadata"]["uid"]

    assert_pod_waits_for_its_node(cluster, "db-0", node)
    cluster.start_host(node)
    cluster.wait_all_ready()
    assert wait_ready(cluster, NAMESPACE, "db-0")["spec"]["nodeName"] == node
    assert starts(cluster, NAMESPACE, "db-0") == 3

    remove(cluster, "db")
    gone = f"test ! -e {path}"
    eventually("the directory is removed", lambda: not cluster.ssh(node, gone, check=False).code, timeout=90)
    assert cluster.previewed_operations() == {}


def attach(cluster: Cluster, name: str, device: str) -> None:
    """Attach a blank disk to each worker."""
    for host in cluster.workers:
        volumes.create(cluster.name, f"{name}-{host}", SIZE)
        volumes.attach(cluster.name, f"{name}-{host}", host, [device])


def test_disk_with_data_is_refused_and_blank_disks_become_volumes(cluster: Cluster) -> None:
    """The steps are one test, because each step continues with the result of the previous step."""
    attach(cluster, "ssd", DEVICE)
    cluster.ssh("w-2", f"mkfs.ext4 -q -L archive {DEVICE}")
    before = cluster.ssh("w-2", f"sha256sum <{DEVICE}").stdout
    cluster.merge_settings({"pools": {"workers": {"disks": {"data": DISK}}}})
    preview = cluster.preview().text
    assert f"data {DEVICE} ext4 {60 * 1024**2} defaults,noatime" in preview
    refused = cluster.up(check=False)
    assert refused.code
    assert f"disk data: {DEVICE} has data (ext4, label archive), and is no ext4 of Kubewright" in refused.text
    assert "kubewright: w-2: kubewright-disks.service" in refused.text
    assert cluster.ssh("w-2", f"sha256sum <{DEVICE}").stdout == before, "the disk was changed"
    assert cluster.ssh("w-2", f"mountpoint -q {DISKS}/data", check=False).code

    cluster.ssh(
        "w-2", f"wipefs --quiet --all {DEVICE} && dd if=/dev/zero of={DEVICE} bs=1M count=1 conv=notrunc"
    )
    cluster.up()
    assert cluster.previewed_operations() == {}
    assert_disks_keep_their_data(cluster)
    assert_removed_disk_keeps_its_data(cluster)


def assert_disks_keep_their_data(cluster: Cluster) -> None:
    """Use a disk, restart its node, and check that the pod waits for the node."""
    cluster.apply(stateful_set(NAMESPACE, "disk", storageClassName="local-disks"))
    node = wait_ready(cluster, NAMESPACE, "disk-0")["spec"]["nodeName"]
    volume = volume_of(cluster, "data-disk-0")
    assert volume["metadata"]["name"] == f"disk-{node}-data"
    assert volume["spec"]["local"]["path"] == f"{DISKS}/data/volume"
    assert_pod_waits_for_its_node(cluster, "disk-0", node)
    cluster.start_host(node)
    cluster.wait_all_ready()
    assert wait_ready(cluster, NAMESPACE, "disk-0")["spec"]["nodeName"] == node
    assert starts(cluster, NAMESPACE, "disk-0") == 2
    assert cluster.ssh(node, f"wc -l <{DISKS}/data/volume/starts").stdout.strip() == "2"


def assert_bound_volume_is_not_deleted(cluster: Cluster, node: str) -> None:
    """Remove all disks while no pod uses them and a claim is bound."""
    cluster.kubectl("scale", "statefulset", "-n", NAMESPACE, "disk", "--replicas=0")
    cluster.kubectl("wait", "pod", "-n", NAMESPACE, "disk-0", "--for=delete", "--timeout=90s", timeout=100)
    refused = cluster.up(check=False)
    assert refused.code
    assert f"bound to the claim {NAMESPACE}/data-disk-0; delete the claim before" in refused.text
    assert "deletionTimestamp" not in cluster.get("pv", f"disk-{node}-data")["metadata"]


def assert_removed_disk_keeps_its_data(cluster: Cluster) -> None:
    """Remove the disk from the settings, first while a pod uses it."""
    node = wait_ready(cluster, NAMESPACE, "disk-0")["spec"]["nodeName"]
    attach(cluster, "other", f"{DEVICE}-2")
    cluster.merge_settings({"pools": {"workers": {"disks": {"other": {**DISK, "device": f"{DEVICE}-2"}}}}})
    cluster.merge_settings({"pools": {"workers": {"disks": {"data": stackfile.DELETE}}}})
    refused = cluster.up(check=False)
    assert refused.code
    assert (
        "disk data: pods of this host use it; delete their claims before you remove the disk" in refused.text
    )
    cluster.merge_settings({"pools": {"workers": {"disks": stackfile.DELETE}}})
    assert_bound_volume_is_not_deleted(cluster, node)
    remove(cluster, "disk")
    cluster.up()
    for host in cluster.workers:
        assert cluster.ssh(host, f"mountpoint -q {DISKS}/data", check=False).code, host
        assert cluster.ssh(host, "test -e /etc/kubewright/disks", check=False).code, host
    read = f"mount -o ro {DEVICE} /mnt && wc -l </mnt/volume/starts; umount /mnt"
    assert cluster.ssh(node, read).stdout.strip() == "2"
