"""Tests of the objects of storage on a real API server, with the program of the provisioner.

There are no nodes: the test takes the place of the kubelet, which runs the pods of helpers.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.addons.local_storage import NAME
from testkit.control_plane import ControlPlane, binary_path, skip_without_binaries
from testkit.wait import eventually
from tests.engine.manifests import apply, manifests
from tests.unit.components.conftest import Deploy, deploy
from tests.unit.components.graph import Graph, Json, cluster_config
from topology.storage import LOCAL_NAMESPACE, VOLUMES

__all__ = ["deploy"]

NAMESPACE, NODE = "databases", "w-1"
ACCOUNT = f"system:serviceaccount:{LOCAL_NAMESPACE}:{NAME}"
SECONDS = 60
PREFIXES = ("bound-volumes", "local-storage", "disk-volumes")


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Return the resources of a cluster with local volumes, the default class, and a disk on each worker."""
    storage: Json = {"local": {"default_class": True, "hosts": {"w-2": []}}}
    config: Any = cluster_config(tmp_path_factory.mktemp("storage"), workers=2, storage=storage)
    config["pools"]["workers"]["disks"] = {"data": {"device": "/dev/disk/by-path/pci-0", "capacity": "10Gi"}}
    return deploy(config)


@pytest.fixture(scope="module")
def control_plane(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Yield a control plane with the objects of storage and a Node."""
    skip_without_binaries()
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as running:
        running.kubectl("create", "namespace", NAMESPACE)
        node = {"kind": "Node", "apiVersion": "v1"}
        node["metadata"] = {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}}  # type: ignore[assignment]
        running.kubectl("create", "--filename=-", stdin=json.dumps(node))
        apply_objects(running, graph)
        yield running


def apply_objects(control_plane: ControlPlane, graph: Graph) -> None:
    """Create the objects of storage that do not exist."""
    apply(control_plane, manifests(graph, *PREFIXES))


def create_claim(
    control_plane: ControlPlane, name: str, /, *, annotations: Json | None = None, **spec: str
) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": annotations or {}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec},
    }
    control_plane.kubectl("create", "--filename=-", stdin=json.dumps(claim))


def test_claim_without_a_class_gets_the_default_class(control_plane: ControlPlane) -> None:
    create_claim(control_plane, "unnamed")
    assert control_plane.get("pvc", "-n", NAMESPACE, "unnamed")["spec"]["storageClassName"] == "local"


def test_class_allows_only_nodes_with_directories(control_plane: ControlPlane) -> None:
    [term] = control_plane.get("storageclass", "local")["allowedTopologies"]
    assert term["matchLabelExpressions"] == [{"key": "kubernetes.io/hostname", "values": ["cp-1", "w-1"]}]


def test_volumes_of_disks_are_available(control_plane: ControlPlane) -> None:
    def phases() -> bool:
        volumes = [control_plane.get("pv", f"disk-{host}-data") for host in ("w-1", "w-2")]
        return {volume["status"].get("phase") for volume in volumes} == {"Available"}

    eventually("the volumes are available", phases, timeout=SECONDS)


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (("create", "persistentvolumes"), "yes"),
        (("create", "pods", "-n", LOCAL_NAMESPACE), "yes"),
        (("create", "pods", "-n", NAMESPACE), "no"),
        (("get", "secrets", "-n", LOCAL_NAMESPACE), "no"),
        (("update", "persistentvolumes"), "no"),
        (("list", "nodes"), "no"),
    ],
)
def test_account_of_the_provisioner_has_few_permissions(
    control_plane: ControlPlane, words: tuple[str, ...], allowed: str
) -> None:
    command = [binary_path("kubectl"), f"--kubeconfig={control_plane.directory}/kubeconfig", "auth", "can-i"]
    result = subprocess.run(
        [*command, *words, f"--as={ACCOUNT}"], capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == allowed


@pytest.fixture
def provisioner(control_plane: ControlPlane, graph: Graph, tmp_path: Path) -> Iterator[Path]:
    """Run the program of the provisioner with its own options and permissions. Yield the path of its log."""
    for name, text in graph.node("local-storage-configuration").inputs["data"].items():
        (tmp_path / name).write_text(text)
    token = control_plane.kubectl("create", "token", NAME, "-n", LOCAL_NAMESPACE).strip()
    kubeconfig = json.loads(control_plane.kubeconfig)
    kubeconfig["users"] = [{"name": "admin", "user": {"token": token}}]
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    [container] = graph.node("local-storage-pods").inputs["spec"]["template"]["spec"]["containers"]
    [mount] = container["volumeMounts"]
    options = [option.replace(mount["mountPath"], str(tmp_path)) for option in container["args"]]
    log = tmp_path / "log"
    with log.open("wb") as output:
        argv = [binary_path(NAME), *options, f"--kubeconfig={tmp_path}/kubeconfig"]
        process = subprocess.Popen(argv, stdout=output, stderr=output)
        try:
            yield log
        finally:
            process.kill()
            process.wait()


def run_helper(control_plane: ControlPlane, log: Path) -> Any:  # noqa: ANN401 - an object of the API
    """Let the next pod of a helper succeed, as the kubelet does. Return the pod."""

    def pod() -> Any:  # noqa: ANN401 - an object of the API
        items = control_plane.get("pods", "-n", LOCAL_NAMESPACE)["items"]
        helpers = [item for item in items if item["metadata"]["name"].startswith("helper-pod-")]
        return next((item for item in helpers if item["status"].get("phase") != "Succeeded"), None)

    try:
        found = eventually("a pod of a helper", pod, timeout=SECONDS)
    except AssertionError as failure:
        raise AssertionError(f"{failure}\n{log.read_text()[-3000:]}") from None
    words = ("patch", "pod", "-n", LOCAL_NAMESPACE, found["metadata"]["name"], "--subresource=status")
    control_plane.kubectl(*words, '--patch={"status":{"phase":"Succeeded"}}')
    return found


@pytest.mark.release  # the program is built
@pytest.mark.timeout(1800)
def test_provisioner_makes_and_removes_a_volume_on_the_chosen_node(
    control_plane: ControlPlane, provisioner: Path
) -> None:
    create_claim(control_plane, "data", annotations={"volume.kubernetes.io/selected-node": NODE})
    helper = run_helper(control_plane, provisioner)
    assert helper["spec"]["nodeName"] == NODE
    assert helper["spec"]["automountServiceAccountToken"] is False
    claim = eventually("the claim is bound", lambda: bound(control_plane, "data"), timeout=SECONDS)
    name = claim["spec"]["volumeName"]
    volume = control_plane.get("pv", name)
    path = f"{VOLUMES}/{name}_{NAMESPACE}_data"
    assert volume["spec"]["local"] == {"path": path}
    [term] = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"] == [{"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]}]
    control_plane.kubectl("delete", "pvc", "-n", NAMESPACE, "data")
    removal = run_helper(control_plane, provisioner)
    environment = {item["name"]: item["value"] for item in removal["spec"]["containers"][0]["env"]}
    assert environment["VOL_DIR"] == path
    eventually("the volume is gone", lambda: name not in names(control_plane), timeout=SECONDS)


def test_bound_volume_of_a_disk_cannot_be_deleted(control_plane: ControlPlane, graph: Graph) -> None:
    """There is no scheduler: the claim names its volume."""
    create_claim(control_plane, "disk", storageClassName="local-disks", volumeName="disk-w-2-data")
    eventually("the claim is bound", lambda: bound(control_plane, "disk"), timeout=SECONDS)
    # An API server enforces a new policy after some seconds.
    eventually(
        "the policy is enforced",
        lambda: delete_disk(control_plane, "--dry-run=server").returncode,
        timeout=SECONDS,
    )
    refused = delete_disk(control_plane)
    assert refused.returncode
    assert "bound to the claim databases/disk; delete the claim before" in refused.stderr
    assert "deletionTimestamp" not in control_plane.get("pv", "disk-w-2-data")["metadata"]
    control_plane.kubectl("delete", "pvc", "-n", NAMESPACE, "disk")

    def released() -> bool:
        return bool(control_plane.get("pv", "disk-w-2-data")["status"]["phase"] == "Released")

    eventually("the volume is released", released, timeout=SECONDS)
    control_plane.kubectl("delete", "pv", "disk-w-2-data")
    apply_objects(control_plane, graph)


def delete_disk(control_plane: ControlPlane, *options: str) -> subprocess.CompletedProcess[str]:
    command = [binary_path("kubectl"), f"--kubeconfig={control_plane.directory}/kubeconfig", "delete", "pv"]
    command += ["disk-w-2-data", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def bound(control_plane: ControlPlane, name: str) -> Any:  # noqa: ANN401 - an object of the API
    claim = control_plane.get("pvc", "-n", NAMESPACE, name)
    return claim if claim["status"].get("phase") == "Bound" else None


def names(control_plane: ControlPlane) -> list[str]:
    return [item["metadata"]["name"] for item in control_plane.get("pv")["items"]]
