"""Tests of the volumes of the disks of pools in the program, on mocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, cluster_config

BY_ID = "/dev/disk/by-id"
DISKS: Json = {
    "data": {"devices": {"w-1": f"{BY_ID}/a", "w-2": f"{BY_ID}/b"}, "capacity": "100Gi"},
    "logs": {
        "device": "/dev/disk/by-path/pci-0",
        "capacity": "10Gi",
        "filesystem": "xfs",
        "mount_options": ["noatime"],
    },
}


def deployed(deploy: Deploy, directory: Path, disks: Json, storage: Json | None = None) -> Graph:
    config: Any = cluster_config(directory, workers=2, storage=storage or {})
    config["pools"]["workers"]["disks"] = disks
    return deploy(config)


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return deployed(deploy, tmp_path_factory.mktemp("disks"), DISKS)


def script(graph: Graph, host: str) -> str:
    return graph.node(f"{host}-node").text("create")


def test_cluster_without_disks_has_no_class_and_no_program(deploy: Deploy, tmp_path: Path) -> None:
    without = deployed(deploy, tmp_path, {})
    assert not [node.name for node in without.nodes.values() if "disk" in node.name]
    assert not [node for node in without.nodes.values() if "kubewright-disks" in str(node.inputs)]


def test_each_disk_of_each_host_is_a_volume_on_its_node(graph: Graph) -> None:
    volumes = {name: node for name, node in graph.nodes.items() if node.type.endswith(":PersistentVolume")}
    names = {node.inputs["metadata"]["name"] for node in volumes.values()}
    assert names == {f"disk-{host}-{disk}" for host in ("w-1", "w-2") for disk in DISKS}
    node = graph.node("disk-volumes-w-2-data")
    spec = node.inputs["spec"]
    [term] = spec["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [
        {"key": "kubernetes.io/hostname", "operator": "In", "values": ["w-2"]}
    ]
    assert spec["local"] == {"path": "/var/lib/kubewright/disks/data/volume"}
    assert spec["capacity"] == {"storage": "100Gi"}
    assert spec["persistentVolumeReclaimPolicy"] == "Retain"
    labels = node.inputs["metadata"]["labels"]
    assert labels == {
        "kubewright.dev/pool": "workers",
        "kubewright.dev/disk": "data",
        "kubewright.dev/volume": "disk",
    }
    policies = {urn.rpartition("::")[2] for urn in node.depends_on}
    assert "bound-volumes-binding" in policies, "the policy could be deleted before the volumes"
    assert "disk-volumes-class" in graph.dependencies(node)


def test_class_waits_for_pods_and_makes_no_volumes(graph: Graph) -> None:
    inputs = graph.node("disk-volumes-class").inputs
    assert inputs["metadata"]["name"] == "local-disks"
    assert inputs["provisioner"] == "kubernetes.io/no-provisioner"
    assert inputs["volumeBindingMode"] == "WaitForFirstConsumer"
    assert graph.node("disk-volumes-w-1-logs").inputs["spec"]["storageClassName"] == "local-disks"


def test_preview_shows_the_disks_of_each_host(graph: Graph) -> None:
    for host, device in (("w-1", "a"), ("w-2", "b")):
        text = script(graph, host)
        assert f"data {BY_ID}/{device} ext4 107374182400 defaults\n" in text
        assert "logs /dev/disk/by-path/pci-0 xfs 10737418240 defaults,noatime\n" in text
        for path, package in (("/usr/sbin/mkfs.ext4", "e2fsprogs"), ("/usr/sbin/mkfs.xfs", "xfsprogs")):
            assert f"requires {path} 'the disks of pools.workers.disks need it; install {package}'" in text
    assert "disks" not in script(graph, "cp-1")


def test_disks_start_before_the_kubelet_and_a_change_does_not_stop_them(graph: Graph) -> None:
    text = script(graph, "w-1")
    assert "Before=kubelet.service" in text
    assert "service kubewright-disks.service 20 reload '/usr/local/lib/kubewright/disks mount'" in text


def test_settings_change_the_class(deploy: Deploy, tmp_path: Path) -> None:
    section: Json = {"disks": {"class_name": "databases", "default_class": True}}
    inputs = deployed(deploy, tmp_path, DISKS, storage=section).node("disk-volumes-class").inputs
    assert inputs["metadata"]["name"] == "databases"
    assert inputs["metadata"]["annotations"] == {"storageclass.kubernetes.io/is-default-class": "true"}
