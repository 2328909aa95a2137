"""Tests of the decisions of an etcd member on its host, with a fake cluster that has the membership rules
of etcd.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.nodeconfig.membership import ABSENT, ADDED, NAMES, Cluster, entries, url


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def test_the_first_members_form_a_new_cluster(cluster: Cluster) -> None:
    assert cluster.start() == ("new", entries(*NAMES))
    assert cluster.path("etc/etcd/forming").exists()


def test_members_that_create_the_cluster_do_not_join_each_other(cluster: Cluster) -> None:
    cluster.write({"a": ABSENT, "b": {"served": False}, "c": ABSENT})
    assert cluster.start()[0] == "new"
    assert cluster.changes == []


def test_a_late_first_member_starts_with_the_existing_membership(cluster: Cluster) -> None:
    cluster.write({"a": ABSENT, "b": {}, "c": {}})
    assert cluster.start() == ("existing", entries(*NAMES))
    assert cluster.changes == []


def test_a_member_with_data_starts_with_its_data(cluster: Cluster) -> None:
    wal = cluster.path("var/lib/etcd/member/wal/0-0.wal")
    wal.parent.mkdir(parents=True)
    wal.write_text("x")
    cluster.write({"b": {}, "c": {}})
    assert cluster.start()[0] == "existing"
    assert cluster.changes == []
    assert wal.exists()


def test_a_new_member_joins_as_a_learner(cluster: Cluster) -> None:
    cluster.write({"b": {}, "c": {}})
    assert cluster.start() == ("existing", entries(*NAMES))
    assert cluster.changes == ["member add a"]
    assert cluster.members[url("a")]["learner"]


def test_a_member_with_a_lost_disk_is_removed_before_it_joins_again(cluster: Cluster) -> None:
    cluster.path("etc/etcd/joined").touch()
    cluster.path("var/lib/etcd/member/snap").mkdir(parents=True)
    cluster.write({"a": {"up": False}, "b": {}, "c": {}})
    assert cluster.start() == ("existing", entries(*NAMES))
    assert cluster.changes == ["member remove a1", "member add a"]
    assert not cluster.path("var/lib/etcd/member").exists()


def test_a_learner_with_a_lost_disk_is_removed_before_it_joins_again(cluster: Cluster) -> None:
    cluster.write({"a": {"up": False, "learner": True}, "b": {}, "c": {}})
    assert cluster.start()[0] == "existing"
    assert cluster.changes == ["member remove a1", "member add a"]


def test_an_interrupted_addition_is_not_repeated(cluster: Cluster) -> None:
    cluster.write({"a": ADDED, "b": {}, "c": {}})
    assert cluster.start() == ("existing", entries(*NAMES))
    assert cluster.changes == []


def test_a_joining_member_starts_with_the_membership_not_the_configuration(cluster: Cluster) -> None:
    """Member c does not exist yet, and member e still exists: etcd requires the actual membership."""
    cluster.write({"b": {}, "e": {}})
    assert cluster.start() == ("existing", entries("a", "b", "e"))


def test_an_unstarted_member_gets_a_generated_name(cluster: Cluster) -> None:
    cluster.write({"a": ABSENT, "b": {}, "c": {}, "d": ADDED})
    assert cluster.start() == ("existing", {*entries(*NAMES), f"member-d1={url('d')}"})


def test_a_new_member_waits_for_another_learner(cluster: Cluster) -> None:
    refusal = ["member add", "etcdserver: too many learner members in cluster"]
    cluster.write({"b": {}, "c": {}}, refusals=[refusal, refusal])
    assert cluster.start()[0] == "existing"
    assert cluster.changes == ["member add a"] * 3


def test_a_learner_that_is_never_promoted_gives_one_readable_line(cluster: Cluster) -> None:
    cluster.write({"b": {}, "c": {}, "d": {"learner": True, "up": False}})
    done = cluster.run("start", patience=1)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "kubewright: a: etcd: not added to the cluster: "
        "Error: etcdserver: too many learner members in cluster"
    )


def test_lost_data_never_creates_a_second_cluster(cluster: Cluster) -> None:
    """After a power failure the other members may not run yet. With state `new`, etcd would create a second
    cluster.
    """
    cluster.path("etc/etcd/joined").touch()
    done = cluster.run("start")
    assert done.returncode == 1
    assert "its data is gone and no other member answers" in done.stderr
    assert not cluster.path("etc/etcd/start.env").exists()


def test_an_established_cluster_without_quorum_is_an_error(cluster: Cluster) -> None:
    cluster.write({"b": {}, "c": {"up": False}})
    done = cluster.run("start")
    assert done.returncode == 1
    assert "has no quorum" in done.stderr


def test_a_single_member_creates_a_cluster(cluster: Cluster) -> None:
    cluster.configure("a")
    assert cluster.start() == ("new", entries("a"))


def test_a_learner_is_promoted_when_it_is_in_sync(cluster: Cluster) -> None:
    cluster.write({"a": {"learner": True, "ready": False}, "b": {}, "c": {}})
    done = cluster.run("promote")
    assert done.returncode == 0, done.stderr
    assert cluster.changes == ["member promote a1"] * 2
    assert not cluster.members[url("a")]["learner"]
    assert cluster.path("etc/etcd/joined").exists()


def test_a_promotion_reported_as_failed_may_have_succeeded(cluster: Cluster) -> None:
    cluster.write({"a": {"learner": True}, "b": {}, "c": {}}, promote_times_out=True)
    assert cluster.run("promote").returncode == 0
    assert cluster.changes == ["member promote a1"]


def test_promotion_removes_the_mark_of_a_new_cluster(cluster: Cluster) -> None:
    cluster.path("etc/etcd/forming").touch()
    cluster.write({name: {} for name in NAMES})
    assert cluster.run("promote").returncode == 0
    assert not cluster.path("etc/etcd/forming").exists()


def test_promotion_fails_without_quorum(cluster: Cluster) -> None:
    cluster.write({"a": {}, "b": {"up": False}, "c": {"up": False}})
    assert cluster.run("promote", patience=1).returncode == 1
    assert not cluster.path("etc/etcd/joined").exists()


def test_a_learner_is_not_ready(cluster: Cluster) -> None:
    cluster.write({"a": {"learner": True}, "b": {}, "c": {}})
    assert cluster.run("ready").returncode != 0
    cluster.write({name: {} for name in NAMES})
    assert cluster.run("ready").returncode == 0


def test_others_must_serve_before_a_member_changes(cluster: Cluster) -> None:
    cluster.write({name: {} for name in NAMES})
    assert cluster.run("others").returncode == 0
    cluster.write({"a": {}, "b": {}, "c": {"up": False}})
    done = cluster.run("others", patience=1)
    assert done.returncode == 1
    assert "member c (https://10.9.0.13) does not serve" in done.stderr
    cluster.write({"a": {}, "b": {}, "c": {}, "d": {"learner": True}})
    assert "member d has not joined yet" in cluster.run("others", patience=1).stderr


def test_a_member_out_of_quorum_may_change(cluster: Cluster) -> None:
    """Otherwise a broken member could not be repaired."""
    cluster.write({"a": {}, "b": {"up": False}, "c": {"up": False}})
    assert cluster.run("others").returncode == 0


def test_versions_of_all_members(cluster: Cluster) -> None:
    cluster.write({"a": {"version": "3.6.16"}, "b": {"version": "3.6.9"}})
    assert cluster.run("versions").stdout == "a 3.6.16\nb 3.6.9\n"


def test_a_leaving_member_hands_over_leadership_first(cluster: Cluster) -> None:
    cluster.write({name: {} for name in NAMES})
    done = cluster.run("leave")
    assert done.returncode == 0, done.stderr
    assert cluster.changes == ["move-leader b1", "member remove a1"]
    assert url("a") not in cluster.members


def test_leaving_twice_changes_nothing(cluster: Cluster) -> None:
    cluster.write({"b": {}, "c": {}})
    assert cluster.run("leave").returncode == 0
    assert cluster.changes == []


def test_the_last_member_keeps_its_membership(cluster: Cluster) -> None:
    cluster.write({"a": {}})
    assert cluster.run("leave").returncode == 0
    assert cluster.changes == []
    cluster.configure("a")
    cluster.write({"a": {"up": False}})
    assert cluster.run("leave").returncode == 0


def test_leaving_without_quorum_fails_with_advice(cluster: Cluster) -> None:
    cluster.path("etc/etcd/joined").touch()
    cluster.write({"a": {}, "b": {"up": False}, "c": {"up": False}})
    done = cluster.run("leave", patience=1)
    assert done.returncode == 1
    assert "nothing was removed" in done.stderr
    assert "/var/lib/kubewright/leaving" in done.stderr
    assert cluster.changes == []


def test_another_member_removes_a_member_whose_host_is_lost(cluster: Cluster) -> None:
    cluster.write({"a": {}, "b": {}, "c": {"up": False}})
    assert cluster.run("forget", "c").returncode == 0
    assert cluster.changes == ["member remove c1"]
    assert cluster.run("forget", "c").stdout == "c is not a member\n"
    cluster.write({"a": {}, "b": {"up": False}, "c": {"up": False}})
    assert "nothing was removed" in cluster.run("forget", "c").stderr


def test_a_refused_removal_is_retried(cluster: Cluster) -> None:
    refusal = ["member remove", "etcdserver: unhealthy cluster"]
    cluster.write({name: {} for name in NAMES}, refusals=[refusal, refusal])
    assert cluster.run("leave").returncode == 0
    assert url("a") not in cluster.members
