"""Test of the fields of restored objects, on a real API server: another stack can change them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from automation.operations.api_client import ApiClient
from automation.operations.field_managers import assign_fields
from automation.releases.record import ObjectKey
from testkit.control_plane import ControlPlane, skip_without_binaries

LOST, OWN = "pulumi-kubernetes-00000002", "pulumi-kubernetes-00000001"


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    skip_without_binaries()
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def apply(control_plane: ControlPlane, manager: str, name: str, **data: str) -> None:
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    words = ("apply", "--server-side", f"--field-manager={manager}", "--filename=-")
    control_plane.kubectl(*words, stdin=json.dumps(item))


def test_another_stack_changes_restored_objects(control_plane: ControlPlane) -> None:
    apply(control_plane, LOST, "till", address="10.0.0.1", zone="a")
    with pytest.raises(AssertionError, match="conflict with"):
        apply(control_plane, OWN, "till", address="10.0.0.2")
    managers = {
        ObjectKey("ConfigMap", "default", "till", "v1"): [OWN],
        ObjectKey("ConfigMap", "default", "missing", "v1"): [OWN],
        ObjectKey("Car", "default", "missing", "example.com/v1"): [OWN],
    }
    lines: list[str] = []
    api = ApiClient(json.loads(control_plane.kubeconfig))
    assert assign_fields(api, managers, lines.append) == 0
    assert lines == ["assigned the fields of 1 objects to this stack"]
    apply(control_plane, OWN, "till", address="10.0.0.2")
    assert control_plane.get("configmap", "till")["data"] == {"address": "10.0.0.2"}
    lines.clear()
    assert assign_fields(api, managers, lines.append) == 0
    assert lines == [], "a second run finds nothing to do"
