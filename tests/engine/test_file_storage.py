"""Tests of the StorageClasses of file storage of clouds on a real API server, without drivers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from testkit.control_plane import ControlPlane, skip_without_binaries
from testkit.wait import eventually
from tests.engine.manifests import apply, manifests
from tests.unit.providers.aws import program as aws
from tests.unit.providers.azure import program as azure
from tests.unit.providers.program import section

PROVISIONER = "volume.kubernetes.io/storage-provisioner"
SECONDS = 60
CLASSES = {"efs": "efs.csi.aws.com", "azure-files": "file.csi.azure.com"}


def with_files(cloud: str) -> Any:  # noqa: ANN401 - an edit of settings
    def edit(cluster: Any) -> None:  # noqa: ANN401 - JSON
        section(cluster, cloud)["file_storage"] = {"mount_options": ["noatime"]}

    return edit


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Yield a control plane with the classes of both clouds."""
    skip_without_binaries()
    graphs = {"aws": aws.graph(with_files("aws")), "azure": azure.graph(with_files("azure"))}
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as running:
        for cloud, graph in graphs.items():
            apply(running, manifests(graph, f"{cloud}-file-driver-class"))
        yield running


@pytest.mark.parametrize("class_name", CLASSES)
def test_claim_for_many_nodes_waits_for_the_driver_of_its_class(
    control_plane: ControlPlane, class_name: str
) -> None:
    spec = {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "100Gi"}},
        "storageClassName": class_name,
    }
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": class_name}}
    control_plane.kubectl("create", "--filename=-", stdin=json.dumps(claim | {"spec": spec}))

    def provisioner() -> str | None:
        annotations = control_plane.get("pvc", class_name)["metadata"].get("annotations", {})
        found: str | None = annotations.get(PROVISIONER)
        return found

    driver = eventually("the claim names its driver", provisioner, timeout=SECONDS)
    assert driver == CLASSES[class_name]


def test_no_class_of_file_storage_is_the_default(control_plane: ControlPlane) -> None:
    found = control_plane.get("storageclass")["items"]
    assert {item["metadata"]["name"] for item in found} == CLASSES.keys()
    assert not [item for item in found if item["metadata"].get("annotations")]
    assert all("noatime" in item["mountOptions"] for item in found)


def test_parameters_of_a_class_cannot_change(control_plane: ControlPlane) -> None:
    """Test why a change of the settings replaces the class."""
    found = control_plane.get("storageclass", "efs")
    found["parameters"]["directoryPerms"] = "770"
    with pytest.raises(AssertionError, match="field is immutable"):
        control_plane.kubectl("replace", "--filename=-", stdin=json.dumps(found))
