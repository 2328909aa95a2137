"""What `up` refuses before it touches anything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from testkit.bundles import FakeIndex, cluster

from automation.deliveries import Delivery
from automation.stacks.preflight.upgrade import problems
from nodeconfig import bundles
from nodeconfig.bundle import Identity
from nodeconfig.render import script
from topology.model import Role, Topology


def delivered(topology: Topology) -> list[Delivery]:
    """What `up` of this cluster has delivered, by the renderer itself."""
    found = bundles(topology, FakeIndex())
    return [
        Delivery(host, role, script(bundle, Identity(host, "10.9.0.11")), "")
        for (host, role), bundle in found.items()
    ]


def at(topology: Topology, **versions: str) -> Topology:
    return replace(topology, versions=replace(topology.versions, **versions))


def test_the_same_again_and_members_that_come_and_go_are_fine() -> None:
    assert problems(cluster(etcd=3), []) == []
    assert problems(cluster(etcd=3), delivered(cluster(etcd=3))) == []
    assert problems(cluster(etcd=5), delivered(cluster(etcd=3))) == []
    assert problems(cluster(etcd=3), delivered(cluster(etcd=5))) == []


def test_etcd_does_not_move_to_other_hosts_at_once() -> None:
    stacked, dedicated = cluster(), cluster(etcd=3)
    assert problems(dedicated, delivered(stacked)) == [
        "etcd.hosts: none of the members cp-1 stays, and the cluster's data is theirs; move in two "
        "steps: first some new members beside some old ones, then, after `up`, the new ones alone"
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            {"kubernetes": "1.34.1"},
            {"kubernetes": "1.36.3"},
            "kubernetes.version: 1.34.1 on cp-1 cannot become",
        ),
        (
            {"kubernetes": "1.36.3"},
            {"kubernetes": "1.35.6"},
            "kubernetes.version: 1.35.6 is a minor version back",
        ),
        (
            {"etcd": "3.7.3"},
            {"etcd": "3.6.16"},
            "kubernetes.etcd: 3.6.16 is a minor version back from 3.7.3 on cp-1",
        ),
    ],
)
def test_steps_between_versions(old: dict[str, str], new: dict[str, str], said: str) -> None:
    found = problems(at(cluster(), **new), delivered(at(cluster(), **old)))
    assert len(found) == 1
    assert said in found[0]


def test_one_minor_version_at_a_time() -> None:
    old = delivered(at(cluster(), kubernetes="1.35.6", etcd="3.6.16"))
    assert problems(at(cluster(), kubernetes="1.36.3", etcd="3.7.3"), old) == []


def test_hosts_without_a_word_about_versions_are_let_be() -> None:
    old = [Delivery("cp-1", Role.CONTROL_PLANE, "begin control-plane\ncommit\n", "")]
    assert problems(cluster(), old) == []
