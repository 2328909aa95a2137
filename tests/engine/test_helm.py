"""Tests of Helm releases in previews, with the real engine and the stack file of the checkout."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from testkit.offline.machine import Machine
from testkit.stackfile import Document
from tests.engine.stack import ClusterEdit, OfflineStack, keep_one_machine

PATCH = {"target": {"kind": "Deployment"}, "merge": {"spec": {"paused": True}}}
PASSWORD = "first-Repository-passw0rd"


@pytest.fixture
def values_file(machine: Machine) -> Path:
    """Return a file of values outside the checkout."""
    file = machine.root / "web.yaml"
    file.write_text("image: {tag: '1'}\nreplicas: 2\n")
    return file


@pytest.fixture
def edit(values_file: Path) -> ClusterEdit:
    """Return a change of the settings to one machine and two releases."""
    repository = {"url": "https://charts.test", "username": "user", "password": PASSWORD}
    database = {"chart": "database", "version": "1.0.0", "repository": repository, "skip_crds": True}
    web = {
        "chart": "./lab/charts/hello",
        "values_files": ["lab/charts/hello/values.yaml", str(values_file)],
        "values": {"image": {"tag": "3"}},
        "wait": False,
        "after": ["database"],
        "patches": [PATCH],
    }

    def change(cluster: Document) -> None:
        keep_one_machine(cluster)
        cluster["helm_releases"] = {"web": web, "database": database}

    return change


@pytest.fixture
def stack(machine: Machine, edit: ClusterEdit) -> OfflineStack:
    """Return a stack with two releases that is not deployed."""
    return OfflineStack.from_checkout(machine, "dev", edit)


@pytest.fixture
def deployed(stack: OfflineStack) -> OfflineStack:
    """Return the same stack by another name, deployed. Its state does not change the other previews."""
    other = replace(stack, name="deployed")
    other.up()
    return other


def previewed_inputs(stack: OfflineStack) -> dict[str, Any]:
    """Return the inputs of the resources in a preview, by their names."""
    steps = json.loads(stack.preview(lambda _: None, "--json").stdout)["steps"]
    states = [step["newState"] for step in steps]
    return {state["urn"].split("::")[-1]: state.get("inputs") for state in states}


def test_preview_shows_repository_options_and_merged_values(stack: OfflineStack) -> None:
    resources = previewed_inputs(stack)
    database, web = resources["helm-database"], resources["helm-web"]
    assert database["repositoryOpts"] == {
        "repo": "https://charts.test",
        "username": "user",
        "password": "[secret]",
    }
    assert database["skipCrds"] is True
    assert (web["skipAwait"], web["atomic"]) == (True, False)
    assert web["values"]["image"] == {"tag": "3"}
    assert (web["values"]["replicas"], web["values"]["nodePort"]) == (2, 30080)
    assert resources["helm"]["patches"] == {"web": [PATCH]}
    assert web["postrender"].startswith("kubewright-patch-")


def test_wrong_file_of_values_stops_the_preview(stack: OfflineStack, values_file: Path) -> None:
    values_file.write_text("replicas: null\n")
    failed = stack.preview(lambda _: None, check=False)
    assert failed.code == 1
    path = "kubewright:cluster.helm_releases.web.values_files[1]"
    assert f'{path}: "{values_file}": replicas is null' in failed.text


def test_changed_file_of_values_changes_only_its_release(deployed: OfflineStack, values_file: Path) -> None:
    values_file.write_text("image: {tag: '2'}\nreplicas: 4\n")
    preview = deployed.preview(lambda _: None, "--raw").text
    assert "replicas: 2 => 4" in preview
    assert "helm-web" in preview
    assert "helm-database" not in preview
    assert PASSWORD not in preview
    state = (deployed.machine.state / f"backend/.pulumi/stacks/kubewright/{deployed.name}.json").read_text()
    assert PASSWORD not in state
    resources = json.loads(state)["checkpoint"]["latest"]["resources"]
    (release,) = (item for item in resources if item["urn"].endswith("::helm-web"))
    assert any(urn.endswith("::helm-database") for urn in release["dependencies"])
