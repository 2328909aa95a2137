"""Tests of the etcd member program, which decides how a member starts, joins and leaves, with a fake etcd."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.nodeconfig.membership import (
    ADDED_LEARNER,
    NAMES,
    NOT_RUNNING,
    FakeEtcdCluster,
    initial_cluster_entries,
    peer_url,
)


@pytest.fixture
def cluster(tmp_path: Path) -> FakeEtcdCluster:
    return FakeEtcdCluster(tmp_path)


def test_the_first_members_form_a_new_cluster(cluster: FakeEtcdCluster) -> None:
    assert cluster.start() == ("new", initial_cluster_entries(*NAMES))
    assert cluster.path("etc/etcd/forming").exists()


def test_members_that_create_the_cluster_do_not_join_each_other(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"a": NOT_RUNNING, "b": {"served": False}, "c": NOT_RUNNING})
    assert cluster.start()[0] == "new"
    assert cluster.membership_commands == []


def test_a_late_first_member_starts_with_the_existing_membership(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"a": NOT_RUNNING, "b": {}, "c": {}})
    assert cluster.start() == ("existing", initial_cluster_entries(*NAMES))
    assert cluster.membership_commands == []


def test_a_member_with_data_starts_with_its_data(cluster: FakeEtcdCluster) -> None:
    wal = cluster.path("var/lib/etcd/member/wal/0-0.wal")
    wal.parent.mkdir(parents=True)
    wal.write_text("x")
    cluster.set_recorded_members({"b": {}, "c": {}})
    assert cluster.start()[0] == "existing"
    assert cluster.membership_commands == []
    assert wal.exists()


def test_a_new_member_joins_as_a_learner(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"b": {}, "c": {}})
    assert cluster.start() == ("existing", initial_cluster_entries(*NAMES))
    assert cluster.membership_commands == ["member add a"]
    assert cluster.members[peer_url("a")]["learner"]


def test_a_member_with_a_lost_disk_is_removed_before_it_joins_again(cluster: FakeEtcdCluster) -> None:
    cluster.path("etc/etcd/joined").touch()
    cluster.path("var/lib/etcd/member/snap").mkdir(parents=True)
    cluster.set_recorded_members({"a": {"up": False}, "b": {}, "c": {}})
    assert cluster.start() == ("existing", initial_cluster_entries(*NAMES))
    assert cluster.membership_commands == ["member remove a1", "member add a"]
    assert not cluster.path("var/lib/etcd/member").exists()


def test_a_learner_with_a_lost_disk_is_removed_before_it_joins_again(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"a": {"up": False, "learner": True}, "b": {}, "c": {}})
    assert cluster.start()[0] == "existing"
    assert cluster.membership_commands == ["member remove a1", "member add a"]


def test_an_interrupted_addition_is_not_repeated(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"a": ADDED_LEARNER, "b": {}, "c": {}})
    assert cluster.start() == ("existing", initial_cluster_entries(*NAMES))
    assert cluster.membership_commands == []


def test_a_joining_member_starts_with_the_membership_not_the_configuration(cluster: FakeEtcdCluster) -> None:
    """The configuration has the members a, b and c, but the etcd cluster has b and e.

    The joining member a starts with a, b and e, because etcd requires the actual membership.
    """
    cluster.set_recorded_members({"b": {}, "e": {}})
    assert cluster.start() == ("existing", initial_cluster_entries("a", "b", "e"))


def test_an_unstarted_member_gets_a_generated_name(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"a": NOT_RUNNING, "b": {}, "c": {}, "d": ADDED_LEARNER})
    assert cluster.start() == ("existing", {*initial_cluster_entries(*NAMES), f"member-d1={peer_url('d')}"})


def test_a_new_member_waits_for_another_learner(cluster: FakeEtcdCluster) -> None:
    refusal = ["member add", "etcdserver: too many learner members in cluster"]
    cluster.set_recorded_members({"b": {}, "c": {}}, refusals=[refusal, refusal])
    assert cluster.start()[0] == "existing"
    assert cluster.membership_commands == ["member add a"] * 3


def test_a_learner_that_is_never_promoted_gives_one_readable_line(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"b": {}, "c": {}, "d": {"learner": True, "up": False}})
    result = cluster.run("start", timeout_seconds=1)
    assert result.returncode == 1
    assert result.stderr.strip() == (
        "kubewright: a: etcd: not added to the cluster: "
        "Error: etcdserver: too many learner members in cluster"
    )


def test_lost_data_never_creates_a_second_cluster(cluster: FakeEtcdCluster) -> None:
    """After a power failure the other members may not run yet. With the initial cluster state `new`, etcd
    would create a second cluster.
    """
    cluster.path("etc/etcd/joined").touch()
    result = cluster.run("start")
    assert result.returncode == 1
    assert "its data is gone and no other member answers" in result.stderr
    assert not cluster.path("etc/etcd/start.env").exists()


def test_one_host_without_etcd_does_not_hide_the_cluster(cluster: FakeEtcdCluster) -> None:
    """The host b refuses connections, but c belongs to a cluster. A second cluster would split the data."""
    cluster.set_recorded_members({"b": {"up": False}, "c": {}, "d": {}}, refusing=["b"])
    assert cluster.start()[0] == "existing"
    assert cluster.membership_commands == ["member add a"]


def test_hosts_that_all_refuse_connections_have_no_cluster(cluster: FakeEtcdCluster) -> None:
    """Each host is asked once, because time-outs would delay the creation of a cluster."""
    cluster.set_recorded_members({}, refusing=["b", "c"])
    assert cluster.start()[0] == "new"
    assert cluster.commands == ["member list"] * 2


def test_lost_data_of_a_host_whose_peers_refuse_is_an_error(cluster: FakeEtcdCluster) -> None:
    cluster.path("etc/etcd/joined").touch()
    cluster.set_recorded_members({}, refusing=["b", "c"])
    assert "its data is gone" in cluster.run("start").stderr


def test_a_member_that_is_removed_while_it_joins_does_not_start(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"b": {}, "c": {}}, loses_added_member=True)
    result = cluster.run("start")
    assert result.returncode == 1
    assert "removed from the membership again while it joined" in result.stderr
    assert not cluster.path("etc/etcd/start.env").exists()


def test_an_established_cluster_without_quorum_is_an_error(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"b": {}, "c": {"up": False}})
    result = cluster.run("start")
    assert result.returncode == 1
    assert "has no quorum" in result.stderr


def test_a_single_member_creates_a_cluster(cluster: FakeEtcdCluster) -> None:
    cluster.write_peers("a")
    assert cluster.start() == ("new", initial_cluster_entries("a"))


def test_a_learner_is_promoted_when_it_is_in_sync(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"a": {"learner": True, "ready": False}, "b": {}, "c": {}})
    result = cluster.run("promote")
    assert result.returncode == 0, result.stderr
    assert cluster.membership_commands == ["member promote a1"] * 2
    assert not cluster.members[peer_url("a")]["learner"]
    assert cluster.path("etc/etcd/joined").exists()


def test_a_promotion_reported_as_failed_may_have_succeeded(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"a": {"learner": True}, "b": {}, "c": {}}, promote_times_out=True)
    assert cluster.run("promote").returncode == 0
    assert cluster.membership_commands == ["member promote a1"]


def test_promotion_removes_the_mark_of_a_new_cluster(cluster: FakeEtcdCluster) -> None:
    cluster.path("etc/etcd/forming").touch()
    cluster.set_recorded_members({name: {} for name in NAMES})
    assert cluster.run("promote").returncode == 0
    assert not cluster.path("etc/etcd/forming").exists()


def test_promotion_fails_without_quorum(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"a": {}, "b": {"up": False}, "c": {"up": False}})
    assert cluster.run("promote", timeout_seconds=1).returncode == 1
    assert not cluster.path("etc/etcd/joined").exists()


def test_a_voter_that_does_not_serve_has_not_joined(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"a": {"up": False}, "b": {}, "c": {}})
    assert cluster.run("promote", timeout_seconds=1).returncode == 1
    assert not cluster.path("etc/etcd/joined").exists()


def test_a_learner_is_not_ready(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"a": {"learner": True}, "b": {}, "c": {}})
    assert cluster.run("ready").returncode != 0
    cluster.set_recorded_members({name: {} for name in NAMES})
    assert cluster.run("ready").returncode == 0


def test_others_must_serve_before_a_member_changes(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({name: {} for name in NAMES})
    assert cluster.run("others").returncode == 0
    cluster.set_recorded_members({"a": {}, "b": {}, "c": {"up": False}})
    result = cluster.run("others", timeout_seconds=1)
    assert result.returncode == 1
    assert "member c (https://10.9.0.13) does not serve" in result.stderr
    cluster.set_recorded_members({"a": {}, "b": {}, "c": {}, "d": {"learner": True}})
    assert "member d has not joined yet" in cluster.run("others", timeout_seconds=1).stderr


def test_a_member_out_of_quorum_may_change(cluster: FakeEtcdCluster) -> None:
    """In a cluster without quorum, a member could not be repaired if its host refused changes."""
    cluster.set_recorded_members({"a": {}, "b": {"up": False}, "c": {"up": False}})
    assert cluster.run("others").returncode == 0


def test_versions_of_all_members(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"a": {"version": "3.6.16"}, "b": {"version": "3.6.9"}})
    assert cluster.run("versions").stdout == "a 3.6.16\nb 3.6.9\n"


def test_an_unknown_version_of_a_member_is_an_error(cluster: FakeEtcdCluster) -> None:
    """A member without a known version may be too old for the version that the other members change to."""
    cluster.set_recorded_members({"a": {}, "b": {}, "c": {"up": False}})
    result = cluster.run("versions")
    assert result.returncode == 1
    assert "member c does not report its version" in result.stderr


def test_a_leaving_member_hands_over_leadership_first(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({name: {} for name in NAMES})
    result = cluster.run("leave")
    assert result.returncode == 0, result.stderr
    assert cluster.membership_commands == ["move-leader b1", "member remove a1"]
    assert peer_url("a") not in cluster.members


def test_leaving_twice_changes_nothing(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"b": {}, "c": {}})
    assert cluster.run("leave").returncode == 0
    assert cluster.membership_commands == []


def test_the_last_member_keeps_its_membership(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"a": {}})
    assert cluster.run("leave").returncode == 0
    assert cluster.membership_commands == []
    cluster.write_peers("a")
    cluster.set_recorded_members({"a": {"up": False}})
    assert cluster.run("leave").returncode == 0


def test_leaving_without_quorum_fails_with_advice(cluster: FakeEtcdCluster) -> None:
    cluster.path("etc/etcd/joined").touch()
    cluster.set_recorded_members({"a": {}, "b": {"up": False}, "c": {"up": False}})
    result = cluster.run("leave", timeout_seconds=1)
    assert result.returncode == 1
    assert "nothing was removed" in result.stderr
    assert "/var/lib/kubewright/leaving" in result.stderr
    assert cluster.membership_commands == []


def test_a_member_that_was_never_in_quorum_leaves_without_quorum(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"a": {}, "b": {"up": False}, "c": {"up": False}})
    assert cluster.run("leave", timeout_seconds=1).returncode == 0
    assert cluster.membership_commands == []


def test_another_member_removes_a_member_whose_host_is_lost(cluster: FakeEtcdCluster) -> None:
    cluster.set_recorded_members({"a": {}, "b": {}, "c": {"up": False}})
    assert cluster.run("forget", "c").returncode == 0
    assert cluster.membership_commands == ["member remove c1"]
    assert cluster.run("forget", "c").stdout == "c is not a member\n"
    cluster.set_recorded_members({"a": {}, "b": {"up": False}, "c": {"up": False}})
    assert "nothing was removed" in cluster.run("forget", "c").stderr


def test_a_refused_removal_is_retried(cluster: FakeEtcdCluster) -> None:
    refusal = ["member remove", "etcdserver: unhealthy cluster"]
    cluster.set_recorded_members({name: {} for name in NAMES}, refusals=[refusal, refusal])
    assert cluster.run("leave").returncode == 0
    assert peer_url("a") not in cluster.members
