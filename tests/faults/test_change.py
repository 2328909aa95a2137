"""The cluster changes while it serves: rolling restart, certificate authorities, members."""

from __future__ import annotations

import shutil
import time

import pytest

from tests.faults.conftest import Note
from tests.faults.ha import Ha
from tests.faults.load import held, load

GAP = 5
"""Seconds that writes may pause during an intended change."""


def test_all_control_planes_are_restarted_one_by_one(sound: Ha, note: Note) -> None:
    before = {host: sound.run_of("kube-apiserver.service", host) for host in sound.control_planes}
    with load(sound) as client:
        sound.change({"api": {"event_ttl": "2h"}})
        began = time.monotonic()
        sound.up()
        note(up=round(time.monotonic() - began, 1))
        after = {host: sound.run_of("kube-apiserver.service", host) for host in sound.control_planes}
        assert not [host for host in before if before[host] == after[host]], "an API server was not restarted"
        held(client, sound, GAP, note)


@pytest.mark.parametrize("authority", ["kubernetes", "etcd", "front-proxy"])
def test_an_authority_is_replaced_in_stages(sound: Ha, note: Note, authority: str) -> None:
    """No request fails after one reconnection, at any stage; at the end the old CA is gone."""
    old = sound.ssh(sound.control_planes[0], f"cat /etc/kubernetes/pki/{authority}-ca.crt").stdout
    with load(sound) as client:
        for stage in ("trust", "sign", "done"):
            sound.change({"certificates": {"authorities": {authority: {"generation": 2, "stage": stage}}}})
            began = time.monotonic()
            sound.up()
            note(stage=stage, up=round(time.monotonic() - began, 1))
            assert sound.steps() == {}, f"after stage {stage} the preview is not empty"
        now = sound.ssh(sound.control_planes[0], f"cat /etc/kubernetes/pki/{authority}-ca.crt").stdout
        assert "BEGIN CERTIFICATE" in now
        assert old.strip() not in now, "the old authority is still trusted"
        report = held(client, sound, GAP, note)
    shown = "\n".join(report.failed[:20])
    assert report.row <= 1, f"{report.row} requests in a row failed, a reconnect was not enough:\n{shown}"


def test_a_member_that_lost_everything_is_replaced(sound: Ha, note: Note) -> None:
    """An empty host with the old name takes its place without an effect on clients."""
    host = sound.by_role("control-plane")
    identity = member_ids(sound)[host]
    sound.stop_host(host)
    for part in ("upper", "work", "disk"):
        shutil.rmtree(sound.lab / "hosts" / host / part)
    time.sleep(20)  # the loss of a member is tested elsewhere
    with load(sound) as client:
        sound.start_host(host)
        began = time.monotonic()
        sound.command("replace", "--host", host, timeout=420)
        note(host=host, replace=round(time.monotonic() - began, 1))
        sound.whole()
        held(client, sound, GAP, note)
    assert member_ids(sound)[host] != identity, "the member is not a new one"


def member_ids(cluster: Ha) -> dict[str, int]:
    """Return the ids of etcd's members by host."""
    by_address = {cluster.address(host): host for host in cluster.members}
    return {
        by_address[status["Endpoint"].removeprefix("https://").rpartition(":")[0]]: status["Status"][
            "header"
        ]["member_id"]
        for status in cluster.etcd(cluster.members[0])
    }
