"""Tests of the kubernetes plugin on a control plane without nodes: objects and Helm releases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.plugins.runtime.values import Secret, reveal
from testkit.control_plane import ControlPlane, skip_without_binaries
from testkit.plugin_process import DiffResult, OperationFailed, Plugin
from tests.engine.plugins.conftest import Plugins

CONFIG_MAP, SECRET = "kubernetes:core/v1:ConfigMap", "kubernetes:core/v1:Secret"
DEPLOYMENT, RELEASE = "kubernetes:apps/v1:Deployment", "kubernetes:helm.sh/v3:Release"


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Yield a running control plane without nodes on this machine."""
    skip_without_binaries()
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def configured(plugins: Plugins, control_plane: ControlPlane, **settings: object) -> Plugin:
    """Return a plugin whose provider uses the control plane."""
    plugin = plugins.start("kubernetes")
    flags = {key: json.dumps(value) for key, value in settings.items()}
    plugin.configure({"kubeconfig": control_plane.kubeconfig, **flags})
    return plugin


@pytest.fixture(scope="module")
def kubernetes(plugins: Plugins, control_plane: ControlPlane) -> Plugin:
    """Return the plugin with the configuration that the program of Kubewright uses."""
    return configured(
        plugins,
        control_plane,
        enableServerSideApply=True,
        enableConfigMapMutable=True,
        enableSecretMutable=True,
        upsertExistingObjects=True,
    )


def config_map(name: str, **data: object) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"}, "data": data or {"a": "1"}}


def deployment(name: str, app: str) -> dict[str, Any]:
    containers = [{"name": "c", "image": "example/none"}]
    template = {"metadata": {"labels": {"app": app}}, "spec": {"containers": containers}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": app}}, "template": template}
    metadata = {"namespace": "default", "annotations": {"pulumi.com/skipAwait": "true"}}
    return {"metadata": metadata | ({"name": name} if name else {}), "spec": spec}


def test_state_has_the_inputs(kubernetes: Plugin) -> None:
    created = kubernetes.create(CONFIG_MAP, config_map("with-inputs"))
    assert created.state["__inputs"]["data"] == {"a": "1"}
    assert created.state["__initialApiVersion"] == "v1"
    assert created.state["__fieldManager"].startswith("pulumi-kubernetes-")
    assert created.identity == "default/with-inputs"


def test_secrets_in_recorded_inputs_remain_secret(kubernetes: Plugin) -> None:
    state = kubernetes.create(CONFIG_MAP, config_map("secret-part", a=Secret("open"))).state
    assert state["__inputs"]["data"]["a"] == Secret("open")
    assert state["data"]["a"] == Secret("open")


def test_data_of_a_secret_is_secret(kubernetes: Plugin) -> None:
    inputs = {"metadata": {"name": "hidden"}, "stringData": Secret({"a": "open"})}
    state = kubernetes.create(SECRET, inputs).state
    assert isinstance(state["data"], Secret)
    assert isinstance(state["__inputs"]["stringData"], Secret)


@pytest.mark.parametrize(
    ("data", "mutable", "expected"),
    [
        ({"a": "1"}, True, DiffResult(changed=False, replaces=False, delete_first=False)),
        ({"a": "2"}, True, DiffResult(changed=True, replaces=False, delete_first=False)),
        ({"a": "2"}, False, DiffResult(changed=True, replaces=True, delete_first=True)),
    ],
    ids=["nothing", "mutable", "immutable"],
)
def test_change_of_a_config_map(
    plugins: Plugins, control_plane: ControlPlane, data: dict[str, str], mutable: bool, expected: DiffResult
) -> None:
    plugin = configured(plugins, control_plane, enableConfigMapMutable=mutable, upsertExistingObjects=True)
    old = plugin.create(CONFIG_MAP, config_map("changing"))
    assert plugin.diff(CONFIG_MAP, old, config_map("changing", **data)) == expected


@pytest.mark.parametrize(
    ("name", "delete_first"), [("fixed", True), ("", False)], ids=["name", "generated name"]
)
def test_changed_selector_replaces_a_deployment(kubernetes: Plugin, name: str, delete_first: bool) -> None:
    old = kubernetes.create(DEPLOYMENT, deployment(name, "a"))
    difference = kubernetes.diff(DEPLOYMENT, old, deployment(name, "b"))
    assert difference == DiffResult(changed=True, replaces=True, delete_first=delete_first)


def test_generated_name_is_marked_and_kept(kubernetes: Plugin) -> None:
    inputs = kubernetes.check(CONFIG_MAP, {"data": {"a": "1"}})
    assert inputs["metadata"]["name"].startswith("thing-")
    assert inputs["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    assert (
        kubernetes.check(CONFIG_MAP, {"data": {}}, inputs)["metadata"]["name"] == inputs["metadata"]["name"]
    )


def test_existing_object_is_refused_without_upsert(plugins: Plugins, control_plane: ControlPlane) -> None:
    control_plane.kubectl("create", "configmap", "older", "--from-literal=b=2")
    plugin = configured(plugins, control_plane)
    with pytest.raises(OperationFailed, match="already exists"):
        plugin.create(CONFIG_MAP, config_map("older"))


def test_existing_object_is_adopted_with_upsert(kubernetes: Plugin, control_plane: ControlPlane) -> None:
    control_plane.kubectl("create", "configmap", "adopted", "--from-literal=b=2")
    assert kubernetes.create(CONFIG_MAP, config_map("adopted")).state["data"]["a"] == "1"


def test_reading_and_deleting_a_missing_object_is_no_error(
    kubernetes: Plugin, control_plane: ControlPlane
) -> None:
    created = kubernetes.create(CONFIG_MAP, config_map("vanished"))
    control_plane.kubectl("delete", "configmap", "vanished")
    assert kubernetes.read(CONFIG_MAP, created) == {}
    kubernetes.delete(CONFIG_MAP, created)


def chart(directory: Path, *, version: str = "1.0.0", text: str = "one") -> dict[str, Any]:
    """Write a chart with this version and text, and return the inputs of its release."""
    (directory / "chart/templates").mkdir(parents=True, exist_ok=True)
    (directory / "chart/Chart.yaml").write_text(f"apiVersion: v2\nname: page\nversion: {version}\n")
    (directory / "chart/templates/page.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-page'}\n"
        f"data: {{text: {text}}}\n"
    )
    return {"chart": str(directory / "chart"), "name": "page", "namespace": "default", "timeout": 60}


def test_release_has_the_version_of_its_local_chart(kubernetes: Plugin, tmp_path: Path) -> None:
    assert kubernetes.check(RELEASE, chart(tmp_path, version="1.2.3"))["version"] == "1.2.3"


def test_missing_chart_is_refused(kubernetes: Plugin, tmp_path: Path) -> None:
    with pytest.raises(OperationFailed, match="chart"):
        kubernetes.check(RELEASE, chart(tmp_path) | {"chart": str(tmp_path / "missing")})


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("edited", {"text": "two"}, DiffResult(changed=False, replaces=False, delete_first=False)),
        ("raised", {"version": "1.0.1"}, DiffResult(changed=True, replaces=False, delete_first=False)),
    ],
    ids=["same version", "new version"],
)
def test_local_chart_is_deployed_only_when_its_version_changes(
    kubernetes: Plugin, tmp_path: Path, name: str, change: dict[str, str], expected: DiffResult
) -> None:
    created = kubernetes.create(RELEASE, chart(tmp_path) | {"name": name})
    new = chart(tmp_path, **change) | {"name": name}
    assert kubernetes.diff(RELEASE, created, new) == expected
    assert reveal(created.state["__inputs"])["chart"] == created.inputs["chart"]
    kubernetes.delete(RELEASE, created)


def test_new_name_replaces_a_release_and_creates_the_new_release_first(
    kubernetes: Plugin, tmp_path: Path
) -> None:
    created = kubernetes.create(RELEASE, chart(tmp_path) | {"name": "renamed"})
    difference = kubernetes.diff(RELEASE, created, chart(tmp_path) | {"name": "other"})
    assert difference == DiffResult(changed=True, replaces=True, delete_first=False)
    kubernetes.delete(RELEASE, created)


def test_release_of_an_interrupted_installation_is_refused_even_with_upsert(
    kubernetes: Plugin, tmp_path: Path
) -> None:
    """Test a release whose run was killed after `helm install` and before the engine recorded the release."""
    created = kubernetes.create(RELEASE, chart(tmp_path) | {"name": "left"})
    with pytest.raises(OperationFailed, match="cannot re-use a name that is still in use"):
        kubernetes.create(RELEASE, chart(tmp_path) | {"name": "left"})
    kubernetes.delete(RELEASE, created)
