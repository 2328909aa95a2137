"""Fault test of copies of snapshots: a bucket that is unreachable for an hour raises alerts, and the member
keeps its snapshots and nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from nodeconfig.host_paths import NETFILTER
from testkit import lab_slots, stackfile
from testkit.add_on_images import build_images
from testkit.age_keys import create_key
from testkit.alert_receiver import AlertReceiver, monitoring_section, receive_alerts
from testkit.cluster import Cluster
from testkit.figures import RecordFigures
from testkit.snapshot_stores import Stores, serve_stores
from testkit.wait import eventually
from tests.faults.conftest import running_stack

NAME, HOST = "kwbucket", "cp-1"
PORT, TOKEN = 9997, "not-a-real-token-of-a-receiver"
EVERY_SECONDS, KEEP = 300, 4
COPY_SECONDS = EVERY_SECONDS + 60
"""Maximum time until the next snapshot is copied."""
GIVE_UP_SECONDS = 600
"""Maximum time until the member gives up a copy to a target that does not answer."""
UNREACHABLE_SECONDS = 3600
DIRECTORY = "/var/lib/etcd-snapshots"
SUMMARY = f"""
find {DIRECTORY} -name '.*' -o -name '*.part'
echo kept $(ls {DIRECTORY}/etcd-*.db | wc -l)
echo age $(($(date +%s) - $(stat -c %Y $(ls {DIRECTORY}/etcd-*.db | tail -n 1))))
"""
"""Print partial files, the number of snapshots, and the age of the newest one in seconds."""

# The lab, the first copies, and the end of the alerts take less than another hour.
pytestmark = pytest.mark.timeout(UNREACHABLE_SECONDS + 3600)


@pytest.fixture(scope="module")
def network(state: Path) -> IPv4Network:
    return IPv4Network(lab_slots.reserve(NAME, state).network)


@pytest.fixture(scope="module")
def cluster(state: Path, network: IPv4Network) -> Iterator[Cluster]:
    """Yield a cluster with monitoring, whose control plane is the only member of etcd."""
    slot = lab_slots.reserve(NAME, state)
    config = stackfile.document(*slot, control_planes=[HOST], workers=["w-1"])
    config[stackfile.CLUSTER]["addons"] = {"monitoring": monitoring_section(network, PORT, TOKEN)}
    build_images("prometheus", "alertmanager")
    with running_stack(Cluster(name=slot.name, state=state, config=config)) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def stores(
    cluster: Cluster, network: IPv4Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stores]:
    """Yield two stores, to which the member copies its snapshots."""
    with serve_stores(tmp_path_factory.mktemp("stores"), str(network[-2])) as stores:
        snapshots = {
            "every": f"{EVERY_SECONDS}s",
            "keep": KEEP,
            "recipients": [create_key().recipient],
            "to": stores.targets(),
        }
        cluster.merge_settings({"etcd": {"snapshots": snapshots}})
        cluster.up()
        yield stores


@pytest.fixture(scope="module")
def receiver(network: IPv4Network) -> Iterator[AlertReceiver]:
    with receive_alerts(str(network[-2]), PORT, TOKEN) as receiver:
        yield receiver


@contextmanager
def unreachable(cluster: Cluster, stores: Stores) -> Iterator[None]:
    """Drop the packets of the member to the store of S3, so that connections get no answer."""
    port = urlsplit(stores.variables["AWS_ENDPOINT_URL"]).port
    rules = (
        "add table inet unreachable; "
        "add chain inet unreachable output { type filter hook output priority -300; }; "
        f"add rule inet unreachable output ip daddr {stores.address} tcp dport {port} drop"
    )
    cluster.ssh(HOST, f"{NETFILTER}/nft '{rules}'")
    try:
        yield
    finally:
        cluster.ssh(HOST, f"{NETFILTER}/nft delete table inet unreachable")


def test_bucket_that_is_unreachable_for_an_hour_raises_alerts(
    cluster: Cluster, stores: Stores, receiver: AlertReceiver, record_figures: RecordFigures
) -> None:
    eventually("both stores have a copy", lambda: stores.objects and stores.blobs, timeout=COPY_SECONDS)
    labels = {"instance": HOST, "target": "s3"}
    with unreachable(cluster, stores):
        began = time.monotonic()
        objects, blobs = stores.objects, set(stores.blobs)
        receiver.wait_for("firing", "EtcdSnapshotCopyFailed", EVERY_SECONDS + GIVE_UP_SECONDS, **labels)
        record_figures(failure=round(time.monotonic() - began))
        while time.monotonic() - began < UNREACHABLE_SECONDS:
            time.sleep(30)
            copies = cluster.ssh(HOST, "grep -lx rclone /proc/[0-9]*/comm || true").stdout.split()
            assert len(copies) <= 1, "copies pile up"
        assert "firing" in receiver.states("EtcdSnapshotCopyTooOld", **labels)
        assert not receiver.states("EtcdSnapshotTooOld")
        assert not receiver.states("EtcdSnapshotCopyFailed", target="blob")
        assert stores.objects == objects
        assert set(stores.blobs) - blobs, "the other target gets no copies"
        shown = " ".join(cluster.command("status", check=False).text.split())
        assert "no copy of the newest snapshot in target s3" in shown
    began = time.monotonic()
    eventually("the bucket has a new copy", lambda: stores.objects != objects, timeout=COPY_SECONDS)
    record_figures(copied_again=round(time.monotonic() - began))
    _assert_only_snapshots(cluster)
    for alert in ("EtcdSnapshotCopyFailed", "EtcdSnapshotCopyTooOld"):
        receiver.wait_for("resolved", alert, **labels)


def _assert_only_snapshots(cluster: Cluster) -> None:
    """Assert that the member has `KEEP` snapshots, a new one among them, and no partial file."""

    def only_snapshots() -> bool:
        # A copy that runs has a partial file.
        *files, kept, age = cluster.ssh(HOST, SUMMARY).stdout.splitlines()
        assert kept == f"kept {KEEP}"
        assert int(age.removeprefix("age ")) < 2 * EVERY_SECONDS
        return not files

    eventually("no partial file is left", only_snapshots, timeout=120)
