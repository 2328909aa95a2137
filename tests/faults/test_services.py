"""Fault tests: the process of each component is killed, and the disk of a member is full."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from testkit import pods
from testkit.figures import RecordFigures
from testkit.wait import eventually
from tests.faults.client import NAMESPACE
from tests.faults.ha import HaCluster
from tests.faults.load import assert_limits, running_client

SERVICES = {
    "haproxy": ("active-load-balancer", 10),
    "keepalived": ("active-load-balancer", 10),
    "etcd": ("etcd-leader", 15),
    "kube-apiserver": ("control-plane", 15),
    "kube-controller-manager": ("control-plane", 2),
    "kube-scheduler": ("control-plane", 2),
    "kubelet-csr-approver": ("control-plane", 2),
    "containerd": ("worker", 2),
    "kubelet": ("worker", 2),
    "flanneld": ("worker", 2),
    "kube-proxy": ("worker", 2),
    "kube-router": ("worker", 2),
}
"""By component: the role of its host, and the maximum time without a successful write, in seconds."""
DATA = "/var/lib/etcd"
BULK_OBJECTS = 200
"""Number of objects of half a megabyte that fill a segment of etcd's log (64 MiB)."""


@pytest.mark.parametrize("service", SERVICES)
def test_killed_component_returns(
    healthy_cluster: HaCluster, record_figures: RecordFigures, service: str
) -> None:
    role, gap = SERVICES[service]
    host = healthy_cluster.host_by_role(role)
    with running_client(healthy_cluster) as client:
        healthy_cluster.kill_service(f"{service}.service", host)
        healthy_cluster.wait_healthy()
        record_figures(host=host)
        assert_limits(client, healthy_cluster, gap, record_figures)


def test_full_disk_of_an_etcd_member(healthy_cluster: HaCluster, record_figures: RecordFigures) -> None:
    """The other members serve requests, and `status` names the host and the full disk.

    The member recovers after a file is deleted from its disk.
    """
    host = healthy_cluster.host_by_role("etcd-leader")
    with small_disk(healthy_cluster, host), running_client(healthy_cluster) as client:
        before = healthy_cluster.invocation_id("etcd.service", host)
        healthy_cluster.ssh(host, f"dd if=/dev/zero of={DATA}/filler bs=1M 2>/dev/null || :")
        # The data exceeds the space that etcd has reserved on the disk.
        for number in range(BULK_OBJECTS):
            healthy_cluster.kubectl("create", "-f", "-", stdin=json.dumps(large_config_map(number)))
        failed = healthy_cluster.invocation_id("etcd.service", host) != before

        def status_names_the_disk() -> bool:
            result = healthy_cluster.command("status", check=False, timeout=120)
            assert result.code != 0, "`status` reports no problem with a full disk"
            lines = [line for line in result.text.splitlines() if host in line]
            assert any("full" in line for line in lines), f"`status` does not name the cause:\n{result.text}"
            return True

        eventually("`status` names the full disk", status_names_the_disk, timeout=60, interval=3)
        client.wait_for_write(timeout=30)
        healthy_cluster.ssh(host, f"rm {DATA}/filler")
        healthy_cluster.wait_healthy()
        record_figures(host=host, member_failed=failed)
        assert_limits(client, healthy_cluster, 15, record_figures)


def large_config_map(number: int) -> pods.Object:
    """Return a ConfigMap with half a megabyte of incompressible data."""
    metadata = {"namespace": NAMESPACE, "name": f"bulk-{number}"}
    content = base64.b64encode(os.urandom(384 * 1024)).decode()
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": {"bulk": content}}


@contextmanager
def small_disk(cluster: HaCluster, host: str) -> Iterator[None]:
    """Move the data of an etcd member to a file system with 200 MiB of free space until the block ends."""
    aside = "/var/lib/etcd-aside"
    cluster.ssh(
        host,
        f"""set -eu
        systemctl stop etcd.service
        cp -a {DATA} {aside}
        mount -t tmpfs -o mode=0700,size=$(($(du -sm {DATA} | cut -f1) + 200))m tmpfs {DATA}
        cp -a {aside}/. {DATA}/
        systemctl start etcd.service
        """,
    )
    cluster.wait_healthy()
    try:
        yield
    finally:
        cluster.ssh(
            host,
            f"""set -eu
            rm -rf {aside} {DATA}/filler
            systemctl stop etcd.service
            cp -a {DATA} {aside}
            umount {DATA}
            find {DATA} -mindepth 1 -delete
            cp -a {aside}/. {DATA}/
            rm -rf {aside}
            systemctl start etcd.service
            """,
        )
