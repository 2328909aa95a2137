"""Tests of chart repositories and values of Helm releases in programs that import the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pulumi import Output

from tests.unit.components.graph import Graph, without_secret_marks
from tests.unit.package.test_component import SECRET, config, create, run


@pytest.mark.parametrize("wrap", [lambda text: text, Output.secret])
def test_password_of_a_chart_repository_is_secret(tmp_path: Path, wrap: Callable[[str], object]) -> None:
    def program() -> None:
        repository = {"url": "https://charts.test", "username": "me", "password": wrap(SECRET)}
        release = {"chart": "web", "version": "1.0.0", "repository": repository}
        create(config(tmp_path, "one", helm_releases={"web": release}))

    graph = run(program)
    options = without_secret_marks(graph.node("one-helm-web").inputs["repositoryOpts"])
    assert options == {"repo": "https://charts.test", "username": "me", "password": SECRET}
    for node in graph.nodes.values():
        assert not [text for text in node.plain_texts() if SECRET in text], node.name


def test_outputs_are_merged_over_files_of_values(tmp_path: Path) -> None:
    """An output can be a mapping. Its keys override the keys of the file."""
    chart = str(Path("lab/charts/hello").resolve())
    (tmp_path / "web.yaml").write_text("auth: {user: me, password: none}\nreplicas: 2\n")

    def program() -> None:
        values = {"auth": Output.secret({"password": SECRET}), "limits": {"memory": Output.from_input("1Gi")}}
        release = {"chart": chart, "values": values, "values_files": ["web.yaml"]}
        create({**config(tmp_path, "one", helm_releases={"web": release}), "directory": str(tmp_path)})

    graph: Graph = run(program)
    assert without_secret_marks(graph.node("one-helm-web").inputs["values"]) == {
        "auth": {"user": "me", "password": SECRET},
        "replicas": 2,
        "limits": {"memory": "1Gi"},
    }
    for node in graph.nodes.values():
        assert not [text for text in node.plain_texts() if SECRET in text], node.name
