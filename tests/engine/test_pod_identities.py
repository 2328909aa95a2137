"""Tests of the admission policies of identities of pods on a real API server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from testkit.control_plane import ControlPlane, skip_without_binaries
from tests.unit.components.pod_identities import READER, VOLUME, manifests

Pod = dict[str, Any]


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Yield a control plane without nodes whose API server has the policies of one identity."""
    skip_without_binaries()
    with ControlPlane(tmp_path_factory.mktemp("cluster")) as running:
        for namespace in ("web", "jobs", "other"):
            running.kubectl("create", "namespace", namespace)
        for account in ("web/reader", "web/other", "other/reader"):
            namespace, name = account.split("/")
            running.kubectl("create", "serviceaccount", name, "--namespace", namespace)
        running.kubectl(
            "apply",
            "--filename=-",
            stdin=json.dumps({"kind": "List", "apiVersion": "v1", "items": manifests(READER)}),
        )
        await_policies(running)
        yield running


def await_policies(control_plane: ControlPlane) -> None:
    """Wait until the API server uses the policies, which it learns from a watch."""
    deadline = time.monotonic() + 60
    while not volumes(created(control_plane, "web/reader")):
        assert time.monotonic() < deadline, "the API server does not apply the policies"
        time.sleep(0.5)


def created(control_plane: ControlPlane, account: str, **spec: object) -> Pod:
    """Return a pod as the API server would store it."""
    namespace, name = account.split("/")
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "pod", "namespace": namespace},
        "spec": {
            "serviceAccountName": name,
            "automountServiceAccountToken": False,
            "containers": [{"name": "main", "image": "example/none"}],
            **spec,
        },
    }
    arguments = ("create", "--dry-run=server", "--output=json", "--filename=-")
    result: Pod = json.loads(control_plane.kubectl(*arguments, stdin=json.dumps(pod)))
    return result


def volumes(pod: Pod) -> list[dict[str, Any]]:
    return [item for item in pod["spec"].get("volumes", ()) if item["name"] == VOLUME.name]


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item.get("value", "") for item in container.get("env", ())}


def test_a_pod_of_the_service_account_receives_token_and_variables(control_plane: ControlPlane) -> None:
    pod = created(control_plane, "web/reader")
    [volume] = volumes(pod)
    [source] = volume["projected"]["sources"]
    assert source["serviceAccountToken"] == {
        "audience": "sts.example.com",
        "expirationSeconds": 3600,
        "path": "token",
    }
    [container] = pod["spec"]["containers"]
    assert environment(container) == dict(READER.environment)
    assert container["volumeMounts"] == [
        {"name": VOLUME.name, "mountPath": "/var/run/secrets/cloud", "readOnly": True}
    ]


def test_every_container_receives_them_and_keeps_what_it_has(control_plane: ControlPlane) -> None:
    pod = created(
        control_plane,
        "web/reader",
        automountServiceAccountToken=True,
        volumes=[{"name": "own", "emptyDir": {}}],
        initContainers=[{"name": "first", "image": "example/none"}],
        containers=[
            {"name": "main", "image": "example/none", "env": [{"name": "CLOUD_ROLE", "value": "own"}]},
            {
                "name": "second",
                "image": "example/none",
                "volumeMounts": [{"name": "own", "mountPath": "/own"}],
            },
        ],
    )
    assert len(pod["spec"]["volumes"]) == 3
    [first] = pod["spec"]["initContainers"]
    main, second = pod["spec"]["containers"]
    assert environment(first) == environment(second) == dict(READER.environment)
    assert environment(main) == {**READER.environment, "CLOUD_ROLE": "own"}
    for container in (first, main, second):
        mounts = [item for item in container["volumeMounts"] if item["name"] == VOLUME.name]
        assert len(mounts) == 1
    assert "/own" in [item["mountPath"] for item in second["volumeMounts"]]


def test_a_pod_without_a_service_account_has_the_default_one(control_plane: ControlPlane) -> None:
    assert volumes(created(control_plane, "jobs/default", serviceAccountName=""))


@pytest.mark.parametrize("account", ["web/other", "other/reader", "other/default"])
def test_pods_of_other_service_accounts_do_not_change(control_plane: ControlPlane, account: str) -> None:
    pod = created(control_plane, account)
    assert not volumes(pod)
    assert environment(pod["spec"]["containers"][0]) == {}


def test_a_pod_that_already_has_the_volume_gets_no_second_one(control_plane: ControlPlane) -> None:
    """The policy also runs again on its own result, when another policy changes the pod."""
    pod = created(
        control_plane,
        "web/reader",
        volumes=[{"name": VOLUME.name, "emptyDir": {}}],
        containers=[
            {
                "name": "main",
                "image": "example/none",
                "volumeMounts": [{"name": VOLUME.name, "mountPath": "/own"}],
            }
        ],
    )
    [volume] = volumes(pod)
    assert "emptyDir" in volume
    assert [item["mountPath"] for item in pod["spec"]["containers"][0]["volumeMounts"]] == ["/own"]
