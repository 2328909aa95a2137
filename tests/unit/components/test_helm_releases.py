"""Tests of the Helm releases of the program: their repositories, options, order and values."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from settings.registry_logins import PLUGIN_VARIABLE
from settings.secret_paths import STACK_DIRECTORY
from tests.unit.components.graph import Graph, Json, Node, cluster_config, without_secret_marks

Deploy = Callable[[Json], Graph]
URL = "https://charts.test"
PASSWORD = "repository-passw0rd"
PEM = "-----BEGIN CERTIFICATE-----\n"
LOGIN = {"username": "me", "password": PASSWORD}
OCI: Json = {"chart": "oci://registry.example/web", "version": "1.0.0"}
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

    def test_login_of_a_registry_is_not_in_the_state(
        self, deploy: Deploy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        logins = tmp_path / "logins.json"
        logins.write_text('{"auths": {"registry.example": {}}}')
        monkeypatch.setenv(PLUGIN_VARIABLE, str(logins))
        graph = deploy_releases(deploy, tmp_path, web={**OCI, "repository": LOGIN})
        release = graph.node("helm-web")
        assert release.inputs["repositoryOpts"] == {"username": "me"}
        for node in graph.nodes.values():
            assert PASSWORD not in str(node.inputs), node.name

    def test_login_without_the_driver_stops_the_program(
        self,
        deploy: Deploy,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.delenv(PLUGIN_VARIABLE, raising=False)
        with pytest.raises(SystemExit):
            deploy_releases(deploy, tmp_path, web={**OCI, "repository": LOGIN})
        assert "only commands of Kubewright log in to registry.example" in caplog.text

    def test_a_chart_of_the_checkout_has_no_repository(self, deploy: Deploy, tmp_path: Path) -> None:
        assert "repositoryOpts" not in deploy_release(deploy, tmp_path).inputs


class TestOptions:
    def test_defaults_are_the_inputs_of_earlier_versions(self, deploy: Deploy, tmp_path: Path) -> None:
        inputs = deploy_release(deploy, tmp_path).inputs
        assert inputs["atomic"] is True
        assert not {"skipAwait", "skipCrds", "dependencyUpdate", "valueYamlFiles"} & set(inputs)

    def test_a_release_that_does_not_wait_is_not_atomic(self, deploy: Deploy, tmp_path: Path) -> None:
        inputs = deploy_release(deploy, tmp_path, wait=False).inputs
        assert (inputs["skipAwait"], inputs["atomic"]) == (True, False)

    def test_a_release_can_wait_without_a_rollback(self, deploy: Deploy, tmp_path: Path) -> None:
        inputs = deploy_release(deploy, tmp_path, atomic=False).inputs
        assert inputs["atomic"] is False
        assert "skipAwait" not in inputs

    def test_options_are_inputs_of_the_release(self, deploy: Deploy, tmp_path: Path) -> None:
        inputs = deploy_release(deploy, tmp_path, skip_crds=True, dependency_update=True).inputs
        assert (inputs["skipCrds"], inputs["dependencyUpdate"]) == (True, True)


MERGE: Json = {"target": {"kind": "Deployment"}, "merge": {"spec": {"replicas": 3}}}


class TestPatches:
    def test_patches_are_inputs_of_the_component_and_a_program(
        self, deploy: Deploy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(STACK_DIRECTORY, str(tmp_path))
        graph = deploy_releases(deploy, tmp_path, web={**HELLO, "patches": [MERGE]}, other=HELLO)
        assert without_secret_marks(graph.node("helm").inputs["patches"]) == {"web": [MERGE]}
        program = graph.node("helm-web").inputs["postrender"]
        assert os.access(tmp_path / "bin" / program, os.X_OK)
        assert "postrender" not in graph.node("helm-other").inputs

    def test_name_of_the_program_depends_only_on_the_patches(
        self, deploy: Deploy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        programs = []
        for directory, replicas in (("a", 3), ("b", 3), ("b", 4)):
            monkeypatch.setenv(STACK_DIRECTORY, str(tmp_path / directory))
            patch = {**MERGE, "merge": {"spec": {"replicas": replicas}}}
            release = deploy_release(deploy, tmp_path, patches=[patch])
            programs.append(release.inputs["postrender"])
        assert programs[0] == programs[1]
        assert programs[1] != programs[2]

    def test_patches_without_the_driver_stop_the_program(
        self,
        deploy: Deploy,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.delenv(STACK_DIRECTORY, raising=False)
        with pytest.raises(SystemExit):
            deploy_release(deploy, tmp_path, patches=[MERGE])
        assert "only commands of Kubewright apply patches" in caplog.text


def test_releases_wait_for_the_releases_in_after(deploy: Deploy, tmp_path: Path) -> None:
    web, cache = {**HELLO, "after": ["cache", "db"]}, {**HELLO, "after": ["db"]}
    graph = deploy_releases(deploy, tmp_path, web=web, cache=cache, db=HELLO, other=HELLO)
    releases = {f"helm-{name}" for name in ("web", "cache", "db", "other")}
    waits_for = {name: graph.dependencies(graph.node(name)) & releases for name in releases}
    assert waits_for == {
        "helm-web": {"helm-cache", "helm-db"},
        "helm-cache": {"helm-db"},
        "helm-db": set(),
        "helm-other": set(),
    }


class TestValuesFiles:
    @pytest.fixture
    def files(self, tmp_path: Path) -> list[str]:
        """Return two files; the second overrides keys of the first."""
        texts = {
            "base.yaml": "image: {name: web, tag: '1'}\nports: [80, 443]\nreplicas: 1\n",
            "prod.yaml": "image: {tag: '2'}\nports: [8080]\n",
        }
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
        return [str(tmp_path / name) for name in texts]

    def test_files_and_values_are_merged_in_order(
        self, deploy: Deploy, tmp_path: Path, files: list[str]
    ) -> None:
        release = deploy_release(deploy, tmp_path, values_files=files, values={"image": {"pull": "Always"}})
        assert release.inputs["values"] == {
            "image": {"name": "web", "tag": "2", "pull": "Always"},
            "ports": [8080],
            "replicas": 1,
        }

    def test_the_order_of_files_matters(self, deploy: Deploy, tmp_path: Path, files: list[str]) -> None:
        values = deploy_release(deploy, tmp_path, values_files=files[::-1]).inputs["values"]
        assert values == {"image": {"name": "web", "tag": "1"}, "ports": [80, 443], "replicas": 1}

    def test_a_changed_file_changes_the_values(
        self, deploy: Deploy, tmp_path: Path, files: list[str]
    ) -> None:
        before = deploy_release(deploy, tmp_path, values_files=files).inputs["values"]
        Path(files[1]).write_text("replicas: 3\n")
        after = deploy_release(deploy, tmp_path, values_files=files).inputs["values"]
        assert (before["replicas"], after["replicas"]) == (1, 3)

    def test_wrong_files_stop_the_program(
        self, deploy: Deploy, tmp_path: Path, files: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        Path(files[0]).write_text("[]")
        with pytest.raises(SystemExit):
            deploy_release(deploy, tmp_path, values_files=files)
        assert f'helm_releases.web.values_files[0]: "{files[0]}": is not a mapping' in caplog.text
