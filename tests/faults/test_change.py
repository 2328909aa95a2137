"""Fault tests: the cluster serves requests during rolling restarts, a rotation of each CA, and the
replacement of an etcd member.
"""

from __future__ import annotations

import time

import pytest

from testkit.figures import RecordFigures
from tests.faults.ha import HaCluster
from tests.faults.load import assert_limits, running_client

MAX_WRITE_GAP = 5
"""Maximum time without a successful write during a change, in seconds."""


def test_control_planes_restart_one_by_one(healthy_cluster: HaCluster, record_figures: RecordFigures) -> None:
    before = {
        host: healthy_cluster.invocation_id("kube-apiserver.service", host)
        for host in healthy_cluster.control_planes
    }
    with running_client(healthy_cluster) as client:
        healthy_cluster.merge_settings({"api": {"event_ttl": "2h"}})
        began = time.monotonic()
        healthy_cluster.up()
        record_figures(up=round(time.monotonic() - began, 1))
        after = {
            host: healthy_cluster.invocation_id("kube-apiserver.service", host)
            for host in healthy_cluster.control_planes
        }
        assert not [host for host in before if before[host] == after[host]], "an API server was not restarted"
        assert_limits(client, healthy_cluster, MAX_WRITE_GAP, record_figures)


def test_etcd_members_restart_one_by_one(healthy_cluster: HaCluster, record_figures: RecordFigures) -> None:
    """Each API server ends before its only etcd member restarts, so that requests succeed elsewhere."""
    units = ("etcd.service", "kube-apiserver.service")

    def invocations() -> dict[tuple[str, str], str]:
        hosts = healthy_cluster.control_planes
        return {(unit, host): healthy_cluster.invocation_id(unit, host) for unit in units for host in hosts}

    before = invocations()
    with running_client(healthy_cluster) as client:
        healthy_cluster.merge_settings({"etcd": {"extra_args": {"max-snapshots": 4}}})
        began = time.monotonic()
        healthy_cluster.up()
        record_figures(up=round(time.monotonic() - began, 1))
        after = invocations()
        assert not [unit for unit in before if before[unit] == after[unit]], "a service was not restarted"
        report = assert_limits(client, healthy_cluster, MAX_WRITE_GAP, record_figures)
    shown = "\n".join(report.failed[:20])
    assert report.max_consecutive_failures <= 1, shown


@pytest.mark.parametrize("authority", ["kubernetes", "etcd", "front-proxy"])
def test_certificate_authority_is_replaced_in_stages(
    healthy_cluster: HaCluster, record_figures: RecordFigures, authority: str
) -> None:
    """At every stage requests succeed after one reconnection. At the end the old CA no longer exists."""
    old = healthy_cluster.ssh(
        healthy_cluster.control_planes[0], f"cat /etc/kubernetes/pki/{authority}-ca.crt"
    ).stdout
    with running_client(healthy_cluster) as client:
        for stage in ("trust", "sign", "done"):
            healthy_cluster.merge_settings(
                {"certificates": {"authorities": {authority: {"generation": 2, "stage": stage}}}}
            )
            began = time.monotonic()
            healthy_cluster.up()
            record_figures(stage=stage, up=round(time.monotonic() - began, 1))
            assert healthy_cluster.previewed_operations() == {}, (
                f"after stage {stage} the preview is not empty"
            )
        now = healthy_cluster.ssh(
            healthy_cluster.control_planes[0], f"cat /etc/kubernetes/pki/{authority}-ca.crt"
        ).stdout
        assert "BEGIN CERTIFICATE" in now
        assert old.strip() not in now, "the old CA is still trusted"
        report = assert_limits(client, healthy_cluster, MAX_WRITE_GAP, record_figures)
    shown = "\n".join(report.failed[:20])
    failures = report.max_consecutive_failures
    assert failures <= 1, f"{failures} consecutive requests failed, one reconnection was not enough:\n{shown}"


def test_member_that_lost_all_data_is_replaced(
    healthy_cluster: HaCluster, record_figures: RecordFigures
) -> None:
    """A new empty host with the same name replaces the member, while requests of clients succeed."""
    host = healthy_cluster.host_by_role("control-plane")
    identity = member_ids(healthy_cluster)[host]
    healthy_cluster.erase_host(host)
    time.sleep(20)  # another test checks the loss of a member
    with running_client(healthy_cluster) as client:
        healthy_cluster.start_host(host)
        began = time.monotonic()
        healthy_cluster.command("replace", "--host", host, timeout=420)
        record_figures(host=host, replace=round(time.monotonic() - began, 1))
        healthy_cluster.wait_healthy()
        assert_limits(client, healthy_cluster, MAX_WRITE_GAP, record_figures)
    assert member_ids(healthy_cluster)[host] != identity, "the member is not a new one"


def member_ids(cluster: HaCluster) -> dict[str, int]:
    """Return the ids of the etcd members by host."""
    by_address = {cluster.address(host): host for host in cluster.members}
    return {
        by_address[status["Endpoint"].removeprefix("https://").rpartition(":")[0]]: status["Status"][
            "header"
        ]["member_id"]
        for status in cluster.etcd_statuses(cluster.members[0])
    }
