"""Tests of credentials of registries for pods in the program, on mocks."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from components.addons.pull_secrets import docker_configuration
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json, cluster_config, without_secret_marks
from tests.unit.settings.wrong_distribution import PULL

PASSWORD = str(PULL["password"])
ACCESS: Json = {
    "namespaces": {"shop": {}, "team": {}},
    "service_accounts": {"builder": {"namespace": "shop"}},
}
SECRETS: Json = {
    "corp": PULL | {"namespaces": ["shop", "default"]},
    "builds": PULL
    | {"registry": "docker.io", "namespaces": ["shop"], "service_accounts": ["default", "builder"]},
    "named": PULL | {"registry": "r.example:5000", "namespaces": ["team"], "service_accounts": []},
}


@pytest.fixture(scope="module")
def graph(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    directory = tmp_path_factory.mktemp("pull-secrets")
    config: Any = cluster_config(directory, workers=1, access=ACCESS, pull_secrets=SECRETS)
    return deploy(config)


def test_cluster_without_the_section_has_no_component(deploy: Deploy, tmp_path: Path) -> None:
    config: Any = cluster_config(tmp_path, workers=1)
    assert not [node for node in deploy(config).nodes.values() if node.name.startswith("pull-secrets")]


def test_secrets_are_in_the_chosen_namespaces(graph: Graph) -> None:
    secrets = [
        (node.inputs["metadata"]["namespace"], node.inputs["metadata"]["name"])
        for node in graph.nodes.values()
        if node.name.startswith("pull-secrets-") and node.type.endswith(":Secret")
    ]
    assert sorted(secrets) == [("default", "corp"), ("shop", "builds"), ("shop", "corp"), ("team", "named")]


def test_passwords_are_only_in_secrets(graph: Graph) -> None:
    login = base64.b64encode(f"team-a:{PASSWORD}".encode()).decode()
    for node in graph.nodes.values():
        assert not [text for text in node.plain_texts() if PASSWORD in text or login in text], node.name
    secret = graph.node("pull-secrets-shop-corp")
    assert secret.inputs["type"] == "kubernetes.io/dockerconfigjson"
    content = json.loads(without_secret_marks(secret.inputs["stringData"])[".dockerconfigjson"])
    assert content == {
        "auths": {"registry.corp.example": {"username": "team-a", "password": PASSWORD, "auth": login}}
    }


def test_docker_hub_has_the_name_that_programs_search() -> None:
    assert [*json.loads(docker_configuration("docker.io", "u", "p"))["auths"]] == [
        "https://index.docker.io/v1/"
    ]


def test_each_account_has_the_names_of_all_its_secrets(graph: Graph) -> None:
    patches = {
        (node.inputs["metadata"]["namespace"], node.inputs["metadata"]["name"]): [
            item["name"] for item in node.inputs["imagePullSecrets"]
        ]
        for node in graph.nodes.values()
        if node.type.endswith(":ServiceAccountPatch")
    }
    assert patches == {
        ("default", "default"): ["corp"],
        ("shop", "default"): ["builds", "corp"],
        ("shop", "builder"): ["builds"],
    }


def test_accounts_exist_before_they_are_changed(graph: Graph) -> None:
    default = graph.dependencies(graph.node("pull-secrets-shop-account-default"))
    assert {"pull-secrets-shop-default", "pull-secrets-shop-corp", "access-shop"} <= default
    assert graph.node("pull-secrets-shop-default").retained, "tokens of running pods would become invalid"
    builder = graph.dependencies(graph.node("pull-secrets-shop-account-builder"))
    assert "access-account-builder" in builder
    built_in = graph.dependencies(graph.node("pull-secrets-default-account-default"))
    assert "default-accounts-default" in built_in


def test_releases_wait_for_the_secrets(deploy: Deploy, tmp_path: Path) -> None:
    release = {"chart": "./lab/charts/hello", "namespace": "shop"}
    config: Any = cluster_config(
        tmp_path, workers=1, access=ACCESS, pull_secrets=SECRETS, helm_releases={"web": release}
    )
    graph = deploy(config)
    [node] = [item for item in graph.nodes.values() if item.type.endswith(":Release")]
    assert {"pull-secrets-shop-corp", "pull-secrets-shop-account-default"} <= graph.dependencies(node)
