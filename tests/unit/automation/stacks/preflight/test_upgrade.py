"""Tests of the preflight check that rejects unsupported upgrades."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from automation.deliveries import Delivery
from automation.engine.program import Engine
from automation.errors import UserError
from automation.lab_stack import CLUSTER_KEY
from automation.stacks.preflight import upgrade
from automation.stacks.preflight.upgrade import find_problems
from nodeconfig import bundles
from nodeconfig.bundle import Identity
from nodeconfig.render import script
from testkit.bundles import FakeIndex, cluster
from tests.unit.components.graph import Json, cluster_config
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


class FakeEngine:
    """An engine with a stack file for a cluster, and a state with deliveries."""

    def __init__(self, directory: Path, cluster: dict[str, object], delivered: list[Delivery]) -> None:
        self.workspace = SimpleNamespace(config={CLUSTER_KEY: cluster}, directory=directory)
        resources = [
            {
                "urn": f"urn:pulumi:test::kubewright::command:remote:Command::{item.host}-{item.role.value}",
                "type": "command:remote:Command",
                "inputs": {"create": item.script, "stdin": ""},
            }
            for item in delivered
        ]
        self.state: dict[str, object] = {"deployment": {"resources": resources}}
        self.exports = 0

    def export_state(self) -> dict[str, object]:
        self.exports += 1
        return self.state


def engine_with(directory: Path, delivered: list[Delivery], **changes: Json) -> Engine:
    """Return the engine of a stack file with these changes."""
    settings = cluster_config(directory, workers=2) | changes
    return cast(Engine, FakeEngine(directory, settings, delivered))


VERSION_BEFORE = Delivery("cp-1", Role.CONTROL_PLANE, "version kubernetes 1.34.1\n", "")


def test_a_success_is_recorded_for_the_stack_file_that_had_it(tmp_path: Path) -> None:
    """The record spares the state of an unchanged stack. A changed stack must be checked again."""
    earlier = engine_with(tmp_path, [VERSION_BEFORE], kubernetes={"version": "1.35.6"})
    upgrade.record_success(earlier)
    upgrade.check(earlier, earlier.export_state)
    assert cast(FakeEngine, earlier).exports == 0
    later = engine_with(tmp_path, [VERSION_BEFORE], kubernetes={"version": "1.36.3"})
    with pytest.raises(UserError, match=r"1\.34\.1 on cp-1 cannot become 1\.36"):
        upgrade.check(later, later.export_state)


def test_other_etcd_members_are_checked_after_a_success(tmp_path: Path) -> None:
    member = Delivery("cp-1", Role.ETCD, "begin etcd\n", "")
    earlier = engine_with(tmp_path, [member])
    upgrade.record_success(earlier)
    upgrade.check(earlier, earlier.export_state)
    assert cast(FakeEngine, earlier).exports == 0
    pools: Json = {"workers": {"hosts": ["w-1"]}}
    later = engine_with(tmp_path, [member], etcd={"hosts": ["w-2"]}, pools=pools)
    with pytest.raises(UserError, match=r"etcd\.hosts: none of the members cp-1 remains"):
        upgrade.check(later, later.export_state)
