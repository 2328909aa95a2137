"""Tests of the Helm releases of the program: their repositories, options, order and values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.unit.components.graph import Graph, Json, Node, cluster_config, without_secret_marks

Deploy = Callable[[Json], Graph]
URL = "https://charts.test"
PASSWORD = "repository-passw0rd"
PEM = "-----BEGIN CERTIFICATE-----\n"
HELLO: Json = {"chart": "./lab/charts/hello"}


def deploy_releases(deploy: Deploy, directory: Path, **releases: object) -> Graph:
    return deploy(cluster_config(directory, workers=0, helm_releases=releases))


def deploy_release(deploy: Deploy, directory: Path, **settings: object) -> Node:
    return deploy_releases(deploy, directory, web={**HELLO, **settings}).node("helm-web")


class TestRepository:
    def test_a_url_is_the_whole_repository(self, deploy: Deploy, tmp_path: Path) -> None:
        release = deploy_release(deploy, tmp_path, chart="web", version="1.0.0", repository=f"{URL}/")
        assert release.inputs["repositoryOpts"] == {"repo": URL}

    def test_password_is_secret_and_the_rest_is_visible(self, deploy: Deploy, tmp_path: Path) -> None:
        ca_file = tmp_path / "ca.crt"
        ca_file.write_text(PEM)
        repository = {"url": URL, "ca_file": str(ca_file), "username": "me", "password": PASSWORD}
        graph = deploy_releases(
            deploy, tmp_path, web={"chart": "web", "version": "1.0.0", "repository": repository}
        )
        options = graph.node("helm-web").inputs["repositoryOpts"]
        assert without_secret_marks(options) == {
            "repo": URL,
            "caFile": str(ca_file),
            "username": "me",
            "password": PASSWORD,
        }
        assert {URL, str(ca_file), "me"} <= set(graph.node("helm-web").plain_texts())
        for node in graph.nodes.values():
            assert PASSWORD not in " ".join(node.plain_texts()), node.name

    def test_a_chart_of_the_checkout_has_no_repository(self, deploy: Deploy, tmp_path: Path) -> None:
        assert "repositoryOpts" not in deploy_release(deploy, tmp_path).inputs
