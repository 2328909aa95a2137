"""Tests of patches of Helm releases with the real engine, helm and a real API server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automation.stacks.result import Outcome
from automation.workspace import POST_RENDERERS
from components.addons.post_renderers import write_post_renderer
from settings.helm_patches import HelmPatchSettings
from testkit.chart_repository import write_chart
from testkit.control_plane import ControlPlane, skip_without_binaries
from tests.engine.release_stack import Deployer

PROGRAM = """
import json, pathlib
import pulumi
import pulumi_kubernetes as k8s

here = pathlib.Path({directory!r})
cluster = k8s.Provider("kubernetes", kubeconfig=pulumi.Output.secret((here / "kubeconfig").read_text()),
    cluster_identifier="loopback")
k8s.helm.v3.Release("helm-web", name="web", namespace="default", chart=str(here / "chart"), atomic=True,
    timeout=60, opts=pulumi.ResourceOptions(provider=cluster),
    **json.loads((here / "values.json").read_text()))
"""
PAGE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: page}\ndata: {a: '1', b: '2'}\n"
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "templates/page.yaml": PAGE,
}


def patches(merge: dict[str, Any], name: str = "page") -> list[HelmPatchSettings]:
    target = {"kind": "ConfigMap", "name": name}
    return [HelmPatchSettings.model_validate({"target": target, "merge": merge})]


def test_release_has_its_patches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_binaries()
    (tmp_path / "cluster").mkdir()
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setenv("PULUMI_CREDENTIALS_PATH", str(tmp_path))
    with ControlPlane(tmp_path / "cluster") as control_plane:
        deployer = Deployer(tmp_path, control_plane.kubeconfig, PROGRAM, {})
        write_chart(deployer.program / "chart", CHART)
        directory = deployer.engine.workspace.directory / POST_RENDERERS
        for merge, expected in (
            ({"data": {"b": "3", "a": None}}, {"b": "3"}),
            ({"data": {"c": "4"}}, {"a": "1", "b": "2", "c": "4"}),
        ):
            result, text = deployer.up({"postrender": write_post_renderer(patches(merge), directory)})
            assert result.outcome is Outcome.CHANGES, text
            assert control_plane.get("configmap", "page")["data"] == expected
        wrong = write_post_renderer(patches({}, name="pag"), directory)
        result, text = deployer.up({"postrender": wrong})
        assert result.outcome is Outcome.FAILED
        assert "patches[0].target: the chart has no ConfigMap with the name pag" in text
        result, text = deployer.up({})
        assert result.outcome is Outcome.CHANGES, text
        assert control_plane.get("configmap", "page")["data"] == {"a": "1", "b": "2"}
