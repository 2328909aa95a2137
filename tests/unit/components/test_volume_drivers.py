"""Tests of volumes on NFS servers and in Ceph clusters, and of snapshots, in the program, on mocks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from artifacts import catalogue
from artifacts.catalogue import images_of
from artifacts.mirror import optional_images
from components.addons import volume_snapshots
from testkit.bundles import cluster
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, Node, cluster_config, without_secret_marks
from tests.unit.settings.wrong_storage_drivers import CLUSTER as CEPH
from tests.unit.settings.wrong_storage_drivers import DRIVER as NFS_DRIVER
from tests.unit.settings.wrong_storage_drivers import KEY, VOLUME

VOLUMES: Json = {
    "media": VOLUME,
    "library": VOLUME
    | {
        "path": "/srv/library",
        "access_modes": ["ReadWriteOnce", "ReadOnlyMany"],
        "mount_options": ["nfsvers=4.1", "noatime"],
        "class_name": "archive",
        "claim": "media/library",
    },
}
OTHER_KEY = "AQDB6Y5kAAAAABAAu1mTqeCcDJ6zPb3cPOtPcA=="
CEPHFS: Json = {"file_system": "shared", "user": "files", "secret_key": OTHER_KEY, "reclaim_policy": "Retain"}
EVERYTHING: Json = {
    "nfs": {
        "volumes": VOLUMES,
        "driver": NFS_DRIVER | {"class_name": "shared", "default_class": True, "mount_options": ["noatime"]},
    },
    "ceph": CEPH | {"cephfs": CEPHFS},
    "snapshots": True,
}


def deployed(deploy: Deploy, directory: Path, storage: Json, workers: int = 2) -> Graph:
    config: Any = cluster_config(directory, workers=workers)
    return deploy(config | {"storage": storage})


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return deployed(deploy, tmp_path_factory.mktemp("storage"), EVERYTHING)


def plain(node: Node, key: str) -> Any:  # noqa: ANN401 - JSON
    return without_secret_marks(node.inputs[key])


def release(graph: Graph, name: str) -> Node:
    (node,) = (node for node in graph.of_type("helm.sh/v3:Release") if node.inputs["name"] == name)
    return node


def test_cluster_without_the_section_has_nothing_of_it(deploy: Deploy, tmp_path: Path) -> None:
    without = deployed(deploy, tmp_path, {})
    names = ("nfs-", "ceph-", "snapshots-")
    assert not [node.name for node in without.nodes.values() if node.name.startswith(names)]
    assert not without.of_type("helm.sh/v3:Release")


def test_volumes_of_the_settings_are_persistent_volumes(graph: Graph) -> None:
    assert plain(graph.node("nfs-volume-media"), "spec") == {
        "capacity": {"storage": "100Gi"},
        "accessModes": ["ReadWriteMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "",
        "mountOptions": ["vers=4"],
        "nfs": {"server": "10.0.0.5", "path": "/srv/media"},
    }
    library = plain(graph.node("nfs-volume-library"), "spec")
    assert library["mountOptions"] == ["nfsvers=4.1", "noatime"], "the settings select the version"
    assert library["storageClassName"] == "archive"
    assert library["accessModes"] == ["ReadWriteOnce", "ReadOnlyMany"]
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "media", "name": "library"}
    assert library["claimRef"] == claim


def test_volumes_need_no_driver(deploy: Deploy, tmp_path: Path) -> None:
    volumes = deployed(deploy, tmp_path, {"nfs": {"volumes": VOLUMES}})
    assert not volumes.of_type("helm.sh/v3:Release")
    assert not volumes.of_type("storage.k8s.io/v1:StorageClass")
    assert len(volumes.of_type("core/v1:PersistentVolume")) == len(VOLUMES)


def test_releases_are_the_official_charts(graph: Graph) -> None:
    sources = {
        node.inputs["name"]: (node.inputs["chart"], node.inputs["version"], node.inputs["namespace"])
        for node in graph.of_type("helm.sh/v3:Release")
    }
    assert sources == {
        "csi-driver-nfs": ("csi-driver-nfs", "4.13.4", "csi-driver-nfs"),
        "ceph-csi-rbd": ("ceph-csi-rbd", "3.17.0", "ceph-csi-rbd"),
        "ceph-csi-cephfs": ("ceph-csi-cephfs", "3.17.0", "ceph-csi-cephfs"),
    }
    for name, (_, _, namespace) in sources.items():
        node = release(graph, str(name))
        assert node.inputs["atomic"] is True
        (created,) = (
            item
            for item in graph.of_type("core/v1:Namespace")
            if item.inputs["metadata"]["name"] == namespace
        )
        assert created.inputs["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
        assert created.urn in node.depends_on


def test_charts_create_no_classes_and_secrets(graph: Graph) -> None:
    for name in ("csi-driver-nfs", "ceph-csi-rbd", "ceph-csi-cephfs"):
        values = plain(release(graph, name), "values")
        assert values["storageClass"] == {"create": False}
        assert "userKey" not in json.dumps(values)
    assert plain(release(graph, "ceph-csi-rbd"), "values")["secret"] == {"create": False}


def test_chart_of_a_path_has_no_version_and_no_repository(deploy: Deploy, tmp_path: Path) -> None:
    (tmp_path / "chart").mkdir()
    storage: Json = {"nfs": {"driver": NFS_DRIVER | {"chart": str(tmp_path / "chart")}}}
    inputs = release(deployed(deploy, tmp_path, storage), "csi-driver-nfs").inputs
    assert inputs["chart"] == str(tmp_path / "chart")
    assert not {"version", "repositoryOpts"} & inputs.keys()


def test_storage_classes_have_the_settings(graph: Graph) -> None:
    classes = {node.inputs["metadata"]["name"]: node for node in graph.of_type("v1:StorageClass")}
    assert classes.keys() == {"shared", "ceph-rbd", "cephfs"}
    nfs, rbd, cephfs = (classes[name] for name in ("shared", "ceph-rbd", "cephfs"))
    assert nfs.inputs["provisioner"] == "nfs.csi.k8s.io"
    assert nfs.inputs["parameters"] == {"server": "nfs.example", "share": "/srv/kubernetes"}
    assert nfs.inputs["mountOptions"] == ["vers=4", "noatime"]
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    assert nfs.inputs["metadata"]["annotations"] == default
    assert [node.inputs["reclaimPolicy"] for node in (nfs, rbd, cephfs)] == ["Delete", "Delete", "Retain"]
    assert {node.inputs["volumeBindingMode"] for node in (nfs, rbd, cephfs)} == {"Immediate"}
    assert all(node.inputs["allowVolumeExpansion"] for node in (nfs, rbd, cephfs))
    parameters = rbd.inputs["parameters"]
    assert (parameters["pool"], parameters["csi.storage.k8s.io/fstype"]) == ("kubernetes", "ext4")
    assert "dataPool" not in parameters
    assert "mapOptions" not in parameters, "the monitors speak the first protocol"
    assert cephfs.inputs["parameters"]["fsName"] == "shared"


@pytest.mark.parametrize(("kind", "namespace"), [("ceph-rbd", "ceph-csi-rbd"), ("cephfs", "ceph-csi-cephfs")])
def test_classes_name_the_secret_of_their_driver(graph: Graph, kind: str, namespace: str) -> None:
    (node,) = (item for item in graph.of_type("v1:StorageClass") if item.inputs["metadata"]["name"] == kind)
    parameters = node.inputs["parameters"]
    assert parameters["clusterID"] == CEPH["cluster_id"]
    for use in ("provisioner", "controller-expand", "node-stage"):
        assert parameters[f"csi.storage.k8s.io/{use}-secret-name"] == "user"
        assert parameters[f"csi.storage.k8s.io/{use}-secret-namespace"] == namespace


def test_keys_of_users_are_only_in_secrets(graph: Graph) -> None:
    for name, user, key in (("ceph-rbd-key", "kubernetes", KEY), ("ceph-cephfs-key", "files", OTHER_KEY)):
        data = plain(graph.node(name), "stringData")
        assert data == {"userID": user, "userKey": key, "adminID": user, "adminKey": key}
        for node in graph.nodes.values():
            assert not [text for text in node.plain_texts() if key in text], node.name


def test_drivers_know_the_monitors_and_run_on_all_nodes(graph: Graph) -> None:
    for name in ("ceph-csi-rbd", "ceph-csi-cephfs"):
        values = plain(release(graph, name), "values")
        cluster_id = CEPH["cluster_id"]
        assert values["csiConfig"] == [{"clusterID": cluster_id, "monitors": ["10.0.0.7:6789"]}]
        assert values["nodeplugin"]["tolerations"] == [{"operator": "Exists"}]
        assert values["nodeplugin"]["httpMetrics"] == {"enabled": False}
        assert values["provisioner"]["replicaCount"] == 2


def test_second_protocol_of_monitors_is_an_option_of_the_kernel(deploy: Deploy, tmp_path: Path) -> None:
    ceph: Any = CEPH | {"monitors": ["10.0.0.7:3300", "10.0.0.8:3300"], "cephfs": CEPHFS}
    storage: Json = {"ceph": ceph | {"rbd": ceph["rbd"] | {"data_pool": "coded"}}}
    graph = deployed(deploy, tmp_path, storage)
    classes = {node.inputs["metadata"]["name"]: node for node in graph.of_type("v1:StorageClass")}
    assert classes["ceph-rbd"].inputs["parameters"]["mapOptions"] == "krbd:ms_mode=prefer-crc"
    assert classes["ceph-rbd"].inputs["parameters"]["dataPool"] == "coded"
    assert classes["cephfs"].inputs["parameters"]["kernelMountOptions"] == "ms_mode=prefer-crc"
    assert not [node for node in graph.nodes.values() if "VolumeSnapshotClass" in node.type]


def test_snapshot_classes_exist_after_their_definitions(graph: Graph) -> None:
    classes = graph.of_type("VolumeSnapshotClass")
    assert {node.inputs["metadata"]["name"]: node.inputs["driver"] for node in classes} == {
        "shared": "nfs.csi.k8s.io",
        "ceph-rbd": "rbd.csi.ceph.com",
        "cephfs": "cephfs.csi.ceph.com",
    }
    policies = {node.inputs["metadata"]["name"]: node.inputs["deletionPolicy"] for node in classes}
    assert policies == {"shared": "Delete", "ceph-rbd": "Delete", "cephfs": "Retain"}
    definitions = {node.urn for node in graph.of_type(":CustomResourceDefinition") if "snapshot" in node.name}
    assert len(definitions) == 3
    assert all(definitions <= node.depends_on for node in classes)
    (rbd,) = (node for node in classes if node.inputs["driver"] == "rbd.csi.ceph.com")
    assert rbd.inputs["parameters"] == {
        "clusterID": CEPH["cluster_id"],
        "csi.storage.k8s.io/snapshotter-secret-name": "user",
        "csi.storage.k8s.io/snapshotter-secret-namespace": "ceph-csi-rbd",
    }


def test_definitions_of_snapshots_remain_when_snapshots_are_off(graph: Graph) -> None:
    definitions = [node for node in graph.of_type(":CustomResourceDefinition") if "snapshot" in node.name]
    assert all(node.retained for node in definitions), "Kubernetes would delete all snapshots"
    assert all(node.retained is False for node in graph.of_type("VolumeSnapshotClass"))


def test_sidecar_of_snapshots_runs_only_with_the_definitions(
    graph: Graph, deploy: Deploy, tmp_path: Path
) -> None:
    assert plain(release(graph, "csi-driver-nfs"), "values")["controller"] == {"enableSnapshotter": True}
    without = deployed(deploy, tmp_path, {"nfs": {"driver": NFS_DRIVER}})
    assert plain(release(without, "csi-driver-nfs"), "values")["controller"] == {"enableSnapshotter": False}


def test_controller_of_snapshots_has_the_image_of_the_catalogue(graph: Graph) -> None:
    pod = plain(graph.node("snapshots-controller"), "spec")["template"]["spec"]
    (container,) = pod["containers"]
    assert (container["image"],) == images_of("external-snapshotter")
    assert "--leader-election=true" in container["args"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    sections = {"storage": {"snapshots": True}}
    assert optional_images(cluster(sections=sections)) == images_of("external-snapshotter")
    assert optional_images(cluster()) == ()
    assert {*images_of("external-snapshotter")} <= {*catalogue.OPTIONAL_IMAGES}


def test_controller_of_snapshots_has_one_replica_on_one_node(deploy: Deploy, tmp_path: Path) -> None:
    alone = deployed(deploy, tmp_path, {"snapshots": True}, workers=0)
    assert plain(alone.node("snapshots-controller"), "spec")["replicas"] == 1


def test_controller_of_snapshots_reads_no_secrets() -> None:
    resources = {name for rule in volume_snapshots.RULES for name in rule.resources}
    assert "secrets" not in resources
    assert not [rule for rule in volume_snapshots.RULES if "*" in (*rule.verbs, *rule.resources)]
