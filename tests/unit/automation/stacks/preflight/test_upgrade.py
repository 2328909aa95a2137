"""Tests of the preflight check that rejects unsupported upgrades."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automation.deliveries import Delivery
from automation.stacks.preflight.upgrade import find_problems
from nodeconfig import bundles
from nodeconfig.bundle import Identity
from nodeconfig.render import script
from testkit.bundles import FakeIndex, cluster
from topology.model import Role, Topology


def deliveries_of(topology: Topology) -> list[Delivery]:
    """Return the deliveries of this cluster, rendered by the renderer of the program."""
    rendered_bundles = bundles(topology, FakeIndex())
    return [
        Delivery(host, role, script(bundle, Identity(host, "10.9.0.11")), "")
        for (host, role), bundle in rendered_bundles.items()
    ]


def with_versions(topology: Topology, **versions: str) -> Topology:
    return replace(topology, versions=replace(topology.versions, **versions))


def test_unchanged_clusters_and_added_or_removed_members_are_accepted() -> None:
    assert find_problems(cluster(etcd=3), []) == []
    assert find_problems(cluster(etcd=3), deliveries_of(cluster(etcd=3))) == []
    assert find_problems(cluster(etcd=5), deliveries_of(cluster(etcd=3))) == []
    assert find_problems(cluster(etcd=3), deliveries_of(cluster(etcd=5))) == []


def test_etcd_cannot_move_to_other_hosts_in_one_step() -> None:
    stacked, dedicated = cluster(), cluster(etcd=3)
    assert find_problems(dedicated, deliveries_of(stacked)) == [
        "etcd.hosts: none of the members cp-1 remains, and they hold the cluster's data; change the members "
        "in several steps, run `up` after each step, and keep more than half of the members in each step"
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            {"kubernetes": "1.34.1"},
            {"kubernetes": "1.36.3"},
            "kubernetes.version: 1.34.1 on cp-1 cannot become",
        ),
        (
            {"kubernetes": "1.36.3"},
            {"kubernetes": "1.35.6"},
            "kubernetes.version: 1.35.6 is an older minor version than",
        ),
        (
            {"etcd": "3.7.3"},
            {"etcd": "3.6.16"},
            "kubernetes.etcd: 3.6.16 is an older minor version than 3.7.3 on cp-1",
        ),
    ],
)
def test_downgrades_and_skipped_minor_versions_are_rejected(
    old: dict[str, str], new: dict[str, str], message: str
) -> None:
    problems = find_problems(with_versions(cluster(), **new), deliveries_of(with_versions(cluster(), **old)))
    assert len(problems) == 1
    assert message in problems[0]


def test_next_minor_version_is_accepted() -> None:
    old = deliveries_of(with_versions(cluster(), kubernetes="1.35.6", etcd="3.6.16"))
    assert find_problems(with_versions(cluster(), kubernetes="1.36.3", etcd="3.7.3"), old) == []


def test_deliveries_without_versions_are_accepted() -> None:
    old = [Delivery("cp-1", Role.CONTROL_PLANE, "begin control-plane\ncommit\n", "")]
    assert find_problems(cluster(), old) == []
