"""Fault tests: the cluster serves requests during a rolling restart, a rotation of authorities and a
member's replacement.
"""

from __future__ import annotations

import shutil
import time

import pytest

from tests.faults.conftest import Note
from tests.faults.ha import Ha
from tests.faults.load import assert_limits, running_client

GAP = 5
"""Seconds that writes may pause during an intended change."""


def test_control_planes_restart_one_by_one(healthy: Ha, note: Note) -> None:
    before = {host: healthy.invocation_id("kube-apiserver.service", host) for host in healthy.control_planes}
    with running_client(healthy) as client:
        healthy.change({"api": {"event_ttl": "2h"}})
        began = time.monotonic()
        healthy.up()
        note(up=round(time.monotonic() - began, 1))
        after = {
            host: healthy.invocation_id("kube-apiserver.service", host) for host in healthy.control_planes
        }
        assert not [host for host in before if before[host] == after[host]], "an API server was not restarted"
        assert_limits(client, healthy, GAP, note)


@pytest.mark.parametrize("authority", ["kubernetes", "etcd", "front-proxy"])
def test_certificate_authority_is_replaced_in_stages(healthy: Ha, note: Note, authority: str) -> None:
    """At every stage requests succeed after one reconnection. At the end the old CA no longer exists."""
    old = healthy.ssh(healthy.control_planes[0], f"cat /etc/kubernetes/pki/{authority}-ca.crt").stdout
    with running_client(healthy) as client:
        for stage in ("trust", "sign", "done"):
            healthy.change({"certificates": {"authorities": {authority: {"generation": 2, "stage": stage}}}})
            began = time.monotonic()
            healthy.up()
            note(stage=stage, up=round(time.monotonic() - began, 1))
            assert healthy.steps() == {}, f"after stage {stage} the preview is not empty"
        now = healthy.ssh(healthy.control_planes[0], f"cat /etc/kubernetes/pki/{authority}-ca.crt").stdout
        assert "BEGIN CERTIFICATE" in now
        assert old.strip() not in now, "the old CA is still trusted"
        report = assert_limits(client, healthy, GAP, note)
    shown = "\n".join(report.failed[:20])
    row = report.max_consecutive_failures
    assert row <= 1, f"{row} consecutive requests failed, one reconnection was not enough:\n{shown}"


def test_member_that_lost_all_data_is_replaced(healthy: Ha, note: Note) -> None:
    """A new empty host with the same name replaces the member, and clients notice nothing."""
    host = healthy.by_role("control-plane")
    identity = member_ids(healthy)[host]
    healthy.stop_host(host)
    for part in ("upper", "work", "disk"):
        shutil.rmtree(healthy.lab / "hosts" / host / part)
    time.sleep(20)  # another test checks the loss of a member
    with running_client(healthy) as client:
        healthy.start_host(host)
        began = time.monotonic()
        healthy.command("replace", "--host", host, timeout=420)
        note(host=host, replace=round(time.monotonic() - began, 1))
        healthy.wait_healthy()
        assert_limits(client, healthy, GAP, note)
    assert member_ids(healthy)[host] != identity, "the member is not a new one"


def member_ids(cluster: Ha) -> dict[str, int]:
    """Return the ids of etcd's members by host."""
    by_address = {cluster.address(host): host for host in cluster.members}
    return {
        by_address[status["Endpoint"].removeprefix("https://").rpartition(":")[0]]: status["Status"][
            "header"
        ]["member_id"]
        for status in cluster.etcd(cluster.members[0])
    }
