"""Tests of the check for removed add-ons on a real API server, with finalizers that no program would remove.

No program of an add-on runs, as after its removal: the tests set finalizers as these programs do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from automation.engine.program import Engine
from automation.errors import UserError
from automation.lab_stack import CLUSTER_KEY
from automation.stacks.preflight import removed_add_ons
from testkit.control_plane import ControlPlane, skip_without_binaries
from testkit.metric_source import scaled_object
from testkit.wait import eventually
from tests.unit.components.conftest import Deploy, deploy
from tests.unit.components.graph import Json, cluster_config, without_secret_marks

__all__ = ["deploy"]

WORK = "work"
DEFINITION = "scaledobjects.keda.sh"
FINALIZER = "finalizer.keda.sh"
SECONDS = 60


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    skip_without_binaries()
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as running:
        running.kubectl("create", "namespace", WORK)
        yield running


@pytest.fixture
def state(deploy: Deploy, tmp_path: Path) -> Json:
    """Return the state of a cluster with KEDA and cert-manager."""
    addons: Json = {"keda": {}, "cert_manager": {}}
    graph = deploy(cluster_config(tmp_path, workers=2, addons=addons))
    return {
        "deployment": {
            "resources": [
                {"type": node.type, "urn": node.urn, "parent": node.parent, "inputs": node.inputs}
                for node in graph.nodes.values()
            ]
        }
    }


@pytest.fixture
def stack(control_plane: ControlPlane, state: Json, tmp_path: Path) -> Engine:
    """Return the engine of a stack whose stack file has no add-on any more."""
    for item in definitions(state):
        control_plane.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(item))
    control_plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
    fields = SimpleNamespace(
        workspace=SimpleNamespace(
            config={CLUSTER_KEY: cluster_config(tmp_path, workers=2)}, stack="prod", directory=tmp_path
        ),
        capture=lambda *_: json.dumps(state),
        read_output=lambda _: control_plane.kubeconfig,
    )
    return cast(Engine, fields)


def definitions(state: Any) -> list[Any]:  # noqa: ANN401 - JSON
    resources = state["deployment"]["resources"]
    inputs = [item["inputs"] for item in resources if item["type"].endswith(":CustomResourceDefinition")]
    return [without_secret_marks(item) for item in inputs]


def create(control_plane: ControlPlane, name: str, *finalizers: str) -> None:
    item: Any = scaled_object(WORK, name, "worker", "https://prometheus.example")
    item["metadata"]["finalizers"] = [*finalizers]
    control_plane.kubectl("create", "--filename=-", stdin=json.dumps(item))


def release(control_plane: ControlPlane, name: str) -> None:
    """Remove the finalizers of an object, as the operator does after its deletion."""
    patch = '{"metadata": {"finalizers": null}}'
    control_plane.kubectl("patch", DEFINITION, "-n", WORK, name, "--type=merge", f"--patch={patch}")


def test_objects_with_finalizers_of_the_add_on_refuse_the_removal(
    control_plane: ControlPlane, stack: Engine
) -> None:
    removed_add_ons.check_preview(stack, pytest.fail)
    create(control_plane, "free")
    create(control_plane, "foreign", "example.com/finalizer")
    removed_add_ons.check_preview(stack, pytest.fail)
    create(control_plane, "held", FINALIZER)
    with pytest.raises(UserError) as error:
        removed_add_ons.check_preview(stack, pytest.fail)
    assert (
        "addons.keda: the stack file removes the add-on, but these objects have finalizers that only the"
        in str(error.value)
    )
    assert f"{DEFINITION} {WORK}/held;" in str(error.value), "no other object is named"
    release(control_plane, "held")
    release(control_plane, "foreign")
    removed_add_ons.check_preview(stack, pytest.fail)


def test_definition_of_such_an_object_would_remain(control_plane: ControlPlane, stack: Engine) -> None:
    """Test what the check prevents: the definition is deleted only when its object has no finalizer."""

    def exists() -> bool:
        names = control_plane.kubectl("get", "crd", "-o", "name")
        return f"customresourcedefinition.apiextensions.k8s.io/{DEFINITION}" in names.split()

    create(control_plane, "stuck", FINALIZER)
    control_plane.kubectl("delete", "crd", DEFINITION, "--wait=false")
    with pytest.raises(UserError, match=f"{DEFINITION} {WORK}/stuck"):
        removed_add_ons.check_preview(stack, pytest.fail)
    time.sleep(5)
    assert exists()
    release(control_plane, "stuck")
    eventually("the definition is deleted", lambda: not exists(), timeout=SECONDS)
    removed_add_ons.check_preview(stack, pytest.fail)
