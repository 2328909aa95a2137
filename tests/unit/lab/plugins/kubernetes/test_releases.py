"""Tests of charts, helm arguments and helm runs, with a fake helm binary."""

from __future__ import annotations

import os
import tarfile
import threading
from pathlib import Path

import pytest
from pulumi.runtime import rpc

from lab.plugins.kubernetes import charts
from lab.plugins.kubernetes.helm import Helm, HelmError, write_repository
from lab.plugins.kubernetes.release_inputs import chart_values, helm_flags, resource_names
from lab.plugins.runtime.errors import InvalidInput
from lab.plugins.runtime.values import SIGNATURE


def write_chart(directory: Path, version: str = "1.2.3") -> Path:
    """Write a chart into a directory and return its path."""
    (directory / "page" / "templates").mkdir(parents=True, exist_ok=True)
    (directory / "page" / "Chart.yaml").write_text(f"name: page\nversion: {version}\n")
    (directory / "page" / "templates" / "a.yaml").write_text("a: b\n")
    return directory / "page"


def asset(**content: str) -> dict[str, str]:
    """Return a property value for an asset."""
    return {SIGNATURE: rpc._special_asset_sig, **content}


def test_only_the_version_of_a_chart_directory_counts(tmp_path: Path) -> None:
    path = write_chart(tmp_path)
    first = charts.find_local_chart(str(path))
    assert first == charts.LocalChart("1.2.3")
    (path / "templates" / "a.yaml").write_text("a: c\n")
    assert charts.find_local_chart(str(path)) == first
    write_chart(tmp_path, "1.2.4")
    assert charts.find_local_chart(str(path)) == charts.LocalChart("1.2.4")


def test_a_chart_archive(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "page-1.2.3.tgz", "w:gz") as archive:
        archive.add(write_chart(tmp_path), arcname="page")
    local_chart = charts.find_local_chart(str(tmp_path / "page-1.2.3.tgz"))
    assert local_chart is not None
    assert local_chart.version == "1.2.3"


def test_remote_charts_and_missing_charts(tmp_path: Path) -> None:
    assert charts.find_local_chart("ingress-nginx") is None
    assert charts.find_local_chart("oci://registry/charts/page") is None
    with pytest.raises(InvalidInput, match="there is no chart at"):
        charts.find_local_chart(str(tmp_path / "missing"))
    with pytest.raises(InvalidInput, match="is not a Helm chart"):
        charts.find_local_chart(str(tmp_path))


def test_values_are_merged_in_order(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("x: {a: 1, b: 1}\nlist: [1, 2]\n")
    plain = {
        "valueYamlFiles": [asset(path=str(tmp_path / "a.yaml")), asset(text="x: {b: 2, c: 2}")],
        "values": {"x": {"c": 3}, "list": [3]},
    }
    assert chart_values(plain) == {"x": {"a": 1, "b": 2, "c": 3}, "list": [3]}


@pytest.mark.parametrize(
    "bad", [asset(path="/nowhere.yaml"), asset(text="- a"), asset(text="{"), {"a": 1}, "x"]
)
def test_error_names_the_invalid_value_file(bad: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        chart_values({"valueYamlFiles": [asset(text="a: b"), bad]})
    assert caught.value.field == "valueYamlFiles[1]"


def test_inputs_become_helm_flags() -> None:
    assert helm_flags("install", {"atomic": True, "createNamespace": True}) == [
        "--atomic",
        "--create-namespace",
        "--wait",
    ]
    assert "--wait" not in helm_flags("install", {"skipAwait": True, "waitForJobs": True})
    assert helm_flags("upgrade", {"skipAwait": True, "resetValues": True, "maxHistory": 3}) == [
        "--reset-values",
        "--history-max",
        "3",
    ]


def test_objects_of_a_release_are_listed_by_kind() -> None:
    manifest = """
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
# nothing
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: b, namespace: c}
"""
    assert resource_names(manifest) == {"ConfigMap/v1": ["a"], "Deployment/apps/v1": ["c/b"]}


def test_helm_reads_secrets_from_private_files_and_errors_are_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "helm"
    program.write_text('#!/bin/sh\necho "$@" > "$0.args"\necho "Error: bad value open-sesame" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    helm = Helm(None, {}, threading.Event())
    with helm.workspace({"password": "open-sesame"}) as directory:
        assert (directory / "values.json").stat().st_mode & 0o077 == 0
        write_repository(directory, {"repo": "https://charts", "password": "open-sesame"})
        assert (directory / "repositories.yaml").stat().st_mode & 0o077 == 0
        with pytest.raises(HelmError, match=r"bad value \[secret\]$"):
            helm.run(["install", "x"], directory=directory, secrets=["open-sesame"])
    assert not directory.exists()
    assert "sesame" not in (tmp_path / "helm.args").read_text()


def test_hanging_helm_is_terminated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "helm"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    helm = Helm(None, {}, threading.Event())
    with helm.workspace() as directory, pytest.raises(HelmError, match="helm install did not end within 1 s"):
        helm.run(["install"], directory=directory, timeout=1)


def test_error_reports_missing_helm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    helm = Helm(None, {}, threading.Event())
    with helm.workspace() as directory, pytest.raises(HelmError, match="helm is not on PATH"):
        helm.run(["version"], directory=directory)
