"""Lab test of copies of snapshots outside the hosts: they are in emulated S3 and Azure Blob Storage within
their schedule, and bring the cluster back after the loss of its host.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from testkit import lab_slots, pods, stackfile
from testkit.age_keys import create_key
from testkit.cluster import CHECKOUT, Cluster
from testkit.figures import RecordFigures
from testkit.snapshot_stores import Stores, serve_stores
from testkit.state import removed_at_end
from testkit.wait import eventually

HOST = "cp-1"
KEY, OTHER_KEY = create_key(), create_key()
EVERY_SECONDS = 120
FIRST_SECONDS = EVERY_SECONDS // 2 + 60
"""Maximum time until the first copy: the first snapshot after half of an interval, and its transfer."""

# The first test builds rclone and age, unless the cache has them.
pytestmark = [pytest.mark.release, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def cluster(state: Path) -> Iterator[Cluster]:
    """Yield a cluster with one host."""
    slot = lab_slots.reserve("kwcopy", state)
    config = stackfile.document(*slot, control_planes=[HOST], workers=[])
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        cluster.up()
        yield cluster


@pytest.fixture(scope="module")
def stores(cluster: Cluster, state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Yield the stores, on the address of this machine in the network of the lab."""
    network = IPv4Network(lab_slots.reserve("kwcopy", state).network)
    with serve_stores(tmp_path_factory.mktemp("stores"), str(network[-2])) as stores:
        yield stores


def test_copies_arrive_within_the_schedule_and_restore_a_lost_host(
    cluster: Cluster, stores: Stores, tmp_path: Path, record_figures: RecordFigures
) -> None:
    """The steps are one test, because each step continues with the result of the previous step."""
    running = cluster.services(HOST)
    section = {
        "every": f"{EVERY_SECONDS}s",
        "recipients": [KEY.recipient],
        "to": stores.targets(),
        "verify": "daily",
    }
    cluster.merge_settings({"etcd": {"snapshots": section, "defragmentation": {}}})
    secret = stores.variables["AWS_SECRET_ACCESS_KEY"]
    preview = cluster.preview().text
    assert "RCLONE_CONFIG_TARGET_ENDPOINT" in preview, "the preview does not show the targets as data"
    assert secret not in preview
    cluster.apply(pods.namespace("shop"))
    cluster.kubectl("create", "configmap", "order", "--namespace=shop", "--from-literal=item=book")
    cluster.up()
    unchanged = {unit: run for unit, run in cluster.services(HOST).items() if unit in running}
    assert unchanged == running, "the settings restarted a service"

    eventually("both stores have a copy", lambda: stores.objects and stores.blobs, timeout=FIRST_SECONDS)
    assert stores.read(stores.objects[0]).startswith(b"age-encryption.org/v1")
    eventually("no problem is left", lambda: "Copies of snapshots" in _status(cluster), timeout=60)
    _assert_trial_restore(cluster)
    _assert_unreachable_store_is_reported(cluster, stores)

    cluster.kubectl("create", "configmap", "later", "--namespace=shop", "--from-literal=item=pen")
    other = OTHER_KEY.write(tmp_path / "other")
    wrong = cluster.command("restore", "--from", "s3", "--identity", str(other), check=False)
    assert "the private key in this file does not decrypt etcd-" in wrong.text
    assert cluster.kubectl("get", "configmap", "later", "--namespace=shop").code == 0, "nothing changes"

    identity = KEY.write(tmp_path / "identity")
    oldest = stores.objects[0].rpartition("/")[2]
    cluster.erase_host(HOST)
    cluster.start_host(HOST)
    began = time.monotonic()
    cluster.command("restore", "--from", "s3", "--snapshot", oldest, "--identity", str(identity), timeout=900)
    record_figures(restore=round(time.monotonic() - began, 1))
    assert cluster.get("configmap", "order", "--namespace=shop")["data"] == {"item": "book"}
    later = cluster.kubectl("get", "configmap", "later", "--namespace=shop", check=False)
    assert later.code != 0, "an object of the time after the copy exists: nothing was restored"
    cluster.wait_all_ready()
    assert set(cluster.previewed_operations().values()) <= {"same"}
    assert not [output for output in cluster.outputs if secret in output or "AGE-SECRET-KEY" in output]


@pytest.fixture(scope="module")
def new(state: Path) -> Iterator[Cluster]:
    """Yield a stack with another name, other hosts and another network, which was never deployed."""
    slot = lab_slots.reserve("kwmoved", state)
    config = stackfile.document(*slot, control_planes=["n-1"], workers=["n-2"])
    with removed_at_end(Cluster(name=slot.name, state=state, config=config, checkout=CHECKOUT)) as cluster:
        yield cluster


def test_copy_is_restored_into_a_stack_of_another_name_and_network(
    cluster: Cluster, stores: Stores, new: Cluster, tmp_path: Path, record_figures: RecordFigures
) -> None:
    section = {"recipients": [KEY.recipient], "to": stores.targets()}
    cluster.merge_settings({"etcd": {"snapshots": section}})
    cluster.up()
    cluster.apply(pods.namespace("till"))
    cluster.kubectl("create", "secret", "generic", "card", "--namespace=till", "--from-literal=number=42")
    token = cluster.kubectl("create", "token", "default", "--namespace=till", "--duration=24h").stdout.strip()
    cluster.ssh(HOST, "systemctl start etcd-snapshot.service", timeout=300)
    cluster.stop_host(HOST)

    targets = stores.targets()
    targets["s3"]["prefix"] = cluster.name
    new.merge_settings({"etcd": {"snapshots": {"recipients": [KEY.recipient], "to": {"s3": targets["s3"]}}}})
    began = time.monotonic()
    new.command("copy-keys", "--from", cluster.name, "--from-file", str(cluster.file))
    new.up()
    identity = KEY.write(tmp_path / "identity")
    new.command("restore", "--from", "s3", "--identity", str(identity), timeout=900)
    # Otherwise pods of this host start on other nodes only after five minutes.
    new.kubectl("delete", "node", HOST)
    new.command("refresh")
    new.up()
    record_figures(moved=round(time.monotonic() - began, 1))
    assert new.get("secret", "card", "--namespace=till")["data"] == {"number": "NDI="}
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    reviewed = new.kubectl("create", "--filename=-", "--output=json", stdin=json.dumps(review)).stdout
    assert json.loads(reviewed)["status"].get("authenticated"), "tokens of the lost cluster are not valid"
    new.wait_all_ready()
    eventually("no problem is left", lambda: not new.command("status", check=False).code, timeout=180)
    assert set(new.previewed_operations().values()) <= {"same"}


def _status(cluster: Cluster) -> str:
    return cluster.command("status", check=False).text


def _assert_trial_restore(cluster: Cluster) -> None:
    cluster.ssh(HOST, "systemctl start etcd-verify.service", timeout=300)
    recorded = cluster.ssh(HOST, "cat /var/lib/etcd-snapshots/verified").stdout
    assert recorded.startswith("verified ")
    assert int(recorded.split()[3]) > 100, "the throwaway etcd has fewer keys than a new cluster"
    cluster.ssh(HOST, "systemctl start etcd-defragment.service", timeout=300)
    assert "trial restore" in _status(cluster)


def _assert_unreachable_store_is_reported(cluster: Cluster, stores: Stores) -> None:
    """The local snapshots stay, and nothing else."""
    conf = "/etc/etcd/snapshot-targets/blob.conf"
    cluster.ssh(HOST, f"cp {conf} /root/conf && sed -i 's|^REMOTE=.*|REMOTE=target:other/one|' {conf}")
    failed = cluster.ssh(HOST, "systemctl start etcd-snapshot.service", check=False, timeout=300)
    assert failed.code != 0
    shown = _status(cluster)
    assert "no copy of the newest snapshot in target blob" in " ".join(shown.split())
    listed = cluster.ssh(HOST, "ls -A /var/lib/etcd-snapshots").stdout.split()
    assert not [name for name in listed if name.startswith(".")], "partial files pile up"
    assert len([name for name in listed if name.endswith(".db")]) >= 2
    cluster.ssh(HOST, f"mv /root/conf {conf} && systemctl start etcd-snapshot.service", timeout=300)
    assert "no copy of the newest snapshot" not in " ".join(_status(cluster).split())
