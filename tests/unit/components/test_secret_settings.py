"""Tests that encrypted settings remain secret in the resources of the program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pulumi
import pytest
import yaml
from pulumi.runtime import config

from tests.unit.components.graph import Graph, Json, cluster_config, without_secret_marks
from tests.unit.settings.wrong_authorization import WEBHOOK

Deploy = Callable[[Json], Graph]
TOKEN = "receiver-T0ken"
VALUES: Json = {"image": "alerts:1", "receivers": [{"name": "chat", "token": TOKEN}]}


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the engine's root directory. The engine marks the object `kubewright:cluster` as secret."""
    monkeypatch.setattr(pulumi.runtime, "get_root_directory", lambda: str(tmp_path))
    config.set_all_config({}, ["kubewright:cluster"])
    yield tmp_path
    config.set_all_config({}, [])


def write_stack_file(directory: Path, cluster: Json) -> None:
    document = {"config": {"kubewright:cluster": cluster}}
    (directory / "Pulumi.test.yaml").write_text(yaml.safe_dump(document))


def deploy_release(deploy: Deploy, directory: Path) -> Graph:
    releases = {"alerts": {"chart": "./lab/charts/hello", "values": VALUES}}
    return deploy(cluster_config(directory, workers=0, helm_releases=releases))


def test_encrypted_helm_value_is_secret_and_other_values_are_visible(deploy: Deploy, directory: Path) -> None:
    encrypted = {"receivers": [{"name": "chat", "token": {"secure": "v1:x"}}]}
    write_stack_file(directory, {"helm_releases": {"alerts": {"values": encrypted}}})
    release = deploy_release(deploy, directory).node("helm-alerts")
    assert TOKEN not in " ".join(release.plain_texts())
    assert {"alerts:1", "chat"} <= set(release.plain_texts())
    assert without_secret_marks(release.inputs["values"]) == VALUES


def test_all_helm_values_are_secret_when_the_stack_file_has_no_encrypted_value(
    deploy: Deploy, directory: Path
) -> None:
    release = deploy_release(deploy, directory).node("helm-alerts")
    assert release.is_secret("values")
    assert without_secret_marks(release.inputs["values"]) == VALUES


def test_encrypted_value_over_a_file_of_values_is_secret(deploy: Deploy, directory: Path) -> None:
    file = directory / "alerts.yaml"
    file.write_text("image: alerts:2\nauth: {user: me, token: none}\n")
    write_stack_file(
        directory, {"helm_releases": {"alerts": {"values": {"auth": {"token": {"secure": "v1:x"}}}}}}
    )
    settings = {
        "chart": "./lab/charts/hello",
        "values_files": [str(file)],
        "values": {"auth": {"token": TOKEN}},
    }
    graph = deploy(cluster_config(directory, workers=0, helm_releases={"alerts": settings}))
    release = graph.node("helm-alerts")
    assert TOKEN not in " ".join(release.plain_texts())
    assert {"alerts:2", "me"} <= set(release.plain_texts())
    expected = {"image": "alerts:2", "auth": {"user": "me", "token": TOKEN}}
    assert without_secret_marks(release.inputs["values"]) == expected


def test_secret_values_are_merged_with_a_file_of_values(deploy: Deploy, directory: Path) -> None:
    """The whole of `values` is secret, because the stack file has no encrypted value."""
    file = directory / "alerts.yaml"
    file.write_text("auth: {user: me, token: none}\n")
    settings = {
        "chart": "./lab/charts/hello",
        "values_files": [str(file)],
        "values": {"auth": {"token": TOKEN}},
    }
    graph = deploy(cluster_config(directory, workers=0, helm_releases={"alerts": settings}))
    release = graph.node("helm-alerts")
    assert release.is_secret("values")
    assert without_secret_marks(release.inputs["values"]) == {"auth": {"user": "me", "token": TOKEN}}


def test_encrypted_setting_that_cannot_remain_secret_causes_a_warning(
    deploy: Deploy, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_stack_file(directory, {"name": {"secure": "v1:x"}})
    deploy_release(deploy, directory)
    assert "kubewright:cluster.name: encrypted, but the state and the hosts contain the value" in caplog.text


def test_kubeconfig_of_an_authorization_webhook_is_only_in_secret_inputs(
    deploy: Deploy, directory: Path
) -> None:
    api = {"authorization_webhooks": {"opa": WEBHOOK | {"kubeconfig": {"secure": "v1:x"}}}}
    write_stack_file(directory, {"api": api})
    graph = deploy(cluster_config(directory, workers=0, api={"authorization_webhooks": {"opa": WEBHOOK}}))
    delivery = graph.node("cp-1-control-plane")
    assert "/etc/kubernetes/pki/authorization-opa.conf" in delivery.text("create")
    for node in graph.nodes.values():
        assert "t0ken" not in " ".join(node.plain_texts())
