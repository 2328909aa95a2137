"""Tests of the timers for trial restores and the defragmentation of etcd."""

from __future__ import annotations

import pytest

from nodeconfig import bundles
from testkit.bundles import FakeIndex, cluster
from topology.model import Role


def units(etcd: int, **section: object) -> dict[str, dict[str, str]]:
    """Return the unit files of etcd's maintenance by member and name."""
    topology = cluster(etcd=etcd)
    if section:
        hosts = {"hosts": [member.name for member in topology.etcd]} if etcd > 1 else {}
        topology = cluster(etcd=etcd, sections={"etcd": {**hosts, **section}})
    found = bundles(topology, FakeIndex())
    return {
        member.name: {
            file.path.rpartition("/")[2]: file.content
            for file in found[member.name, Role.ETCD].files
            if "etcd-verify" in file.path or "etcd-defragment" in file.path
        }
        for member in topology.etcd
    }


def test_a_cluster_without_the_settings_has_no_timers() -> None:
    assert units(1) == {"cp-1": {}}


def test_trial_restores_have_a_timer_and_compare_copies_only_with_targets() -> None:
    [files] = units(1, snapshots={"verify": "weekly"}).values()
    assert "OnCalendar=weekly" in files["etcd-verify.timer"]
    assert "Environment=DIRECTORY=/var/lib/etcd-snapshots" in files["etcd-verify.service"]
    assert "COPY_PROGRAM" not in files["etcd-verify.service"]
    target = {"nas": {"path": "/mnt/nas"}}
    key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    [files] = units(1, snapshots={"verify": "daily", "to": target, "recipients": [key]}).values()
    assert "Environment=TARGETS=/etc/etcd/snapshot-targets" in files["etcd-verify.service"]


@pytest.mark.parametrize("percent", [10, 95])
def test_members_start_their_defragmentation_at_different_times(percent: int) -> None:
    found = units(3, defragmentation={"every": "24h", "free_percent": percent})
    starts = [
        line
        for files in found.values()
        for line in files["etcd-defragment.timer"].splitlines()
        if line.startswith("OnActiveSec")
    ]
    assert starts == ["OnActiveSec=43200s", "OnActiveSec=57600s", "OnActiveSec=72000s"]
    assert all(
        f"Environment=FREE_PERCENT={percent}" in files["etcd-defragment.service"] for files in found.values()
    )
