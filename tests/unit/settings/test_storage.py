"""Tests of valid settings of storage: what they mean for nodes, and their warnings."""

from __future__ import annotations

from typing import Any

import pytest

from assembly.builder import build_topology
from settings import load
from settings.secret_values import PLACEHOLDERS
from settings.warnings import settings_warnings
from tests.unit.settings.support import TWO_WORKERS, with_edits
from tests.unit.settings.wrong_clouds import AWS, AZURE
from tests.unit.settings.wrong_storage_drivers import CLUSTER, RBD
from topology.model import Topology
from topology.storage import VOLUMES, BindingMode, ReclaimPolicy

BY_ID = "/dev/disk/by-id"


def topology(**edits: Any) -> Topology:  # noqa: ANN401 - JSON
    return build_topology(load(with_edits(TWO_WORKERS, edits)))


def test_cluster_has_no_storage_by_default() -> None:
    assert topology().storage.local is None
    assert topology().storage.disk_class is None


def test_local_volumes_have_upstream_s_behavior_by_default() -> None:
    local = topology(storage={"local": {}}).storage.local
    assert local is not None
    assert local.paths == (VOLUMES,)
    assert local.paths_by_node == ()
    assert local.volume_class.reclaim_policy is ReclaimPolicy.DELETE
    assert local.volume_class.binding_mode is BindingMode.WAIT_FOR_FIRST_CONSUMER
    assert not local.volume_class.is_default


def test_directories_of_a_host_replace_those_of_its_pool() -> None:
    section = {"pools": {"workers": ["/mnt/a"], "control-plane": []}, "hosts": {"w-2": ["/mnt/b", "/mnt/c"]}}
    local = topology(storage={"local": section}).storage.local
    assert local is not None
    assert dict(local.paths_by_node) == {"cp-1": (), "w-1": ("/mnt/a",), "w-2": ("/mnt/b", "/mnt/c")}


def test_disk_has_the_device_of_each_host() -> None:
    disk = {"device": f"{BY_ID}/x", "devices": {"w-2": f"{BY_ID}/y"}, "capacity": "10Gi"}
    cluster = topology(**{"pools.workers.disks": {"data": disk}})
    [pool] = (pool for pool in cluster.pools if pool.name == "workers")
    assert pool.disks[0].devices == (("w-1", f"{BY_ID}/x"), ("w-2", f"{BY_ID}/y"))
    assert cluster.storage.disk_class is not None
    assert cluster.storage.disk_class.reclaim_policy is ReclaimPolicy.RETAIN


def test_default_class_of_disks_has_no_effect_without_disks() -> None:
    storage = {"local": {"default_class": True}, "disks": {"default_class": True}}
    assert topology(storage=storage).storage.disk_class is None


def test_local_class_can_be_the_default_in_a_cloud_without_its_driver() -> None:
    edits = {"aws.addons": {"storage": False}, "storage": {"local": {"default_class": True}}}
    local = build_topology(load(with_edits(AWS, edits))).storage.local
    assert local is not None
    assert local.volume_class.is_default


@pytest.mark.parametrize("base", [AWS, AZURE])
def test_local_volumes_in_a_cloud_are_a_warning(base: dict[str, Any]) -> None:
    settings = load(with_edits(base, {"storage": {"local": {}}}))
    assert [text for text in settings_warnings(settings) if text.startswith("storage.local: ")]
    assert not [text for text in settings_warnings(load(base)) if text.startswith("storage")]
    on_metal = load(with_edits(TWO_WORKERS, {"storage": {"local": {}}}))
    assert not [text for text in settings_warnings(on_metal) if text.startswith("storage")]


@pytest.mark.parametrize("placeholder", sorted(PLACEHOLDERS))
def test_key_of_ceph_may_be_unknown(placeholder: str) -> None:
    """Checks without the passphrase load settings with placeholders."""
    ceph = CLUSTER | {"rbd": RBD | {"secret_key": placeholder}}
    assert topology(storage={"ceph": ceph}).storage.ceph is not None
