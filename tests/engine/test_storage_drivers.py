"""Tests of the objects of NFS, Ceph and snapshots on a real API server, with the program of the controller.

There are no nodes and no drivers: volumes are bound, but nothing is mounted.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.addons.volume_snapshots import NAME
from components.addons.volume_snapshots import NAMESPACE as SYSTEM
from testkit.control_plane import ControlPlane, binary_path, skip_without_binaries
from testkit.wait import eventually
from tests.engine.manifests import apply_object, manifests
from tests.unit.components.conftest import Deploy, deploy
from tests.unit.components.graph import Graph, cluster_config, without_secret_marks
from tests.unit.components.test_volume_drivers import EVERYTHING

__all__ = ["deploy"]

NAMESPACE = "media"
SECONDS = 60
PREFIXES = ("nfs-", "ceph-", "snapshots-")


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    config: Any = cluster_config(tmp_path_factory.mktemp("storage"), workers=2)
    return deploy(config | {"storage": EVERYTHING})


@pytest.fixture(scope="module")
def control_plane(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Yield a control plane with the objects."""
    skip_without_binaries()
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as running:
        running.kubectl("create", "namespace", NAMESPACE)
        defined = False
        for item in manifests(graph, *PREFIXES):
            if item["kind"] == "VolumeSnapshotClass" and not defined:
                running.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")
                defined = True
            apply_object(running, item)
        yield running


def create(control_plane: ControlPlane, api: str, kind: str, name: str, spec: Any, **more: Any) -> None:  # noqa: ANN401
    item = {"apiVersion": api, "kind": kind, "metadata": {"name": name, **more}, "spec": spec}
    control_plane.kubectl("create", "--filename=-", stdin=json.dumps(item))


def claim(size: str, class_name: str, mode: str = "ReadWriteOnce", **more: str) -> Any:  # noqa: ANN401 - JSON
    requests = {"requests": {"storage": size}}
    return {"accessModes": [mode], "resources": requests, "storageClassName": class_name, **more}


def test_claim_gets_the_volume_that_the_settings_reserve(control_plane: ControlPlane) -> None:
    create(
        control_plane, "v1", "PersistentVolumeClaim", "library", claim("50Gi", "archive"), namespace=NAMESPACE
    )

    def is_bound() -> bool:
        found = control_plane.get("pvc", "-n", NAMESPACE, "library")
        return bool(found["status"].get("phase") == "Bound" and found["spec"]["volumeName"] == "library")

    eventually("the claim has its volume", is_bound, timeout=SECONDS)
    other = claim("1Gi", "archive")
    create(control_plane, "v1", "PersistentVolumeClaim", "other", other, namespace=NAMESPACE)
    assert control_plane.get("pvc", "-n", NAMESPACE, "other")["status"]["phase"] == "Pending"


def test_claim_without_a_class_gets_the_default_class(control_plane: ControlPlane) -> None:
    spec = claim("1Gi", "")
    del spec["storageClassName"]
    create(control_plane, "v1", "PersistentVolumeClaim", "unnamed", spec, namespace=NAMESPACE)
    assert control_plane.get("pvc", "-n", NAMESPACE, "unnamed")["spec"]["storageClassName"] == "shared"


@pytest.fixture
def controller(control_plane: ControlPlane, graph: Graph, tmp_path: Path) -> Iterator[Path]:
    """Run the program of the snapshot controller with its own options and permissions. Yield its log."""
    token = control_plane.kubectl("create", "token", NAME, "-n", SYSTEM).strip()
    kubeconfig = json.loads(control_plane.kubeconfig)
    kubeconfig["users"] = [{"name": "admin", "user": {"token": token}}]
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    spec = without_secret_marks(graph.node("snapshots-controller").inputs["spec"])
    [container] = spec["template"]["spec"]["containers"]
    options = [option for option in container["args"] if "http-endpoint" not in option]
    log = tmp_path / "log"
    argv = [binary_path(NAME), *options, f"--leader-election-namespace={SYSTEM}"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*argv, f"--kubeconfig={tmp_path}/kubeconfig"], stdout=output, stderr=output
        )
        try:
            yield log
        finally:
            process.kill()
            process.wait()


@pytest.mark.release  # the program is built
@pytest.mark.timeout(1800)
def test_controller_prepares_a_snapshot_for_the_driver(control_plane: ControlPlane, controller: Path) -> None:
    volume = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "ceph-rbd",
        "persistentVolumeReclaimPolicy": "Retain",
        "csi": {"driver": "rbd.csi.ceph.com", "volumeHandle": "volume-1"},
    }
    create(control_plane, "v1", "PersistentVolume", "block", volume)
    spec = claim("1Gi", "ceph-rbd", volumeName="block")
    create(control_plane, "v1", "PersistentVolumeClaim", "block", spec, namespace=NAMESPACE)
    source = {
        "volumeSnapshotClassName": "ceph-rbd",
        "source": {"persistentVolumeClaimName": "block"},
    }
    api = "snapshot.storage.k8s.io/v1"
    create(control_plane, api, "VolumeSnapshot", "monday", source, namespace=NAMESPACE)

    def contents() -> list[Any]:
        items: list[Any] = control_plane.get("volumesnapshotcontents")["items"]
        return items

    eventually(
        "the controller made the content of the snapshot",
        lambda: bool(contents()),
        timeout=SECONDS,
    )
    [content] = contents()
    assert content["spec"]["driver"] == "rbd.csi.ceph.com"
    assert content["spec"]["deletionPolicy"] == "Delete"
    assert content["spec"]["source"] == {"volumeHandle": "volume-1"}
    assert "forbidden" not in controller.read_text()
