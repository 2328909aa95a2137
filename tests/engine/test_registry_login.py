"""Tests of charts in a registry that requires a login, with the real engine, helm and a real API server."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from automation.lab_stack import CLUSTER_KEY
from automation.stacks.result import Outcome
from testkit.chart_registry import USER, serve_charts
from testkit.chart_repository import write_chart
from testkit.cluster import CHECKOUT
from testkit.control_plane import ControlPlane, skip_without_binaries
from tests.engine.release_stack import Deployer

PASSWORD = "registry-Passw0rd-815"
PROGRAM = """
import json, pathlib
import pulumi
import pulumi_kubernetes as k8s

here = pathlib.Path({directory!r})
cluster = k8s.Provider("kubernetes", kubeconfig=pulumi.Output.secret((here / "kubeconfig").read_text()),
    cluster_identifier="loopback")
values = json.loads((here / "values.json").read_text())
k8s.helm.v3.Release("helm-web", name="web", namespace="default", chart=values["chart"], version="1.0.0",
    repository_opts=k8s.helm.v3.RepositoryOptsArgs(username="ci"), timeout=60,
    opts=pulumi.ResourceOptions(provider=cluster))
"""
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "templates/page.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: page}\n",
}


def test_release_logs_in_to_a_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_without_binaries()
    for name in ("cluster", "registry"):
        (tmp_path / name).mkdir()
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setenv("PULUMI_CREDENTIALS_PATH", str(tmp_path))
    write_chart(tmp_path / "chart", CHART)
    cluster = yaml.safe_load((CHECKOUT / "Pulumi.dev.yaml").read_text())["config"][CLUSTER_KEY]
    with (
        serve_charts(tmp_path / "registry", PASSWORD) as registry,
        ControlPlane(tmp_path / "cluster") as control_plane,
    ):
        registry.push(tmp_path / "chart")
        # The deployer trusts the authority of the registry, and has no login of its own.
        monkeypatch.setenv("SSL_CERT_FILE", str(registry.ca_file))
        monkeypatch.setenv("HELM_REGISTRY_CONFIG", str(tmp_path / "none.json"))
        chart = f"oci://{registry.host}/charts/web"
        login = {"username": USER, "password": "wrong-1"}
        cluster["helm_releases"] = {"web": {"chart": chart, "version": "1.0.0", "repository": login}}
        deployer = Deployer(tmp_path, control_plane.kubeconfig, PROGRAM, {CLUSTER_KEY: cluster})
        result, text = deployer.up({"chart": chart})
        assert result.outcome is Outcome.FAILED
        assert "401" in text

        login["password"] = PASSWORD
        result, text = deployer.up({"chart": chart})
        assert result.outcome is Outcome.CHANGES, text
        assert control_plane.get("configmap", "page")["metadata"]["name"] == "page"
    assert PASSWORD not in text + deployer.state_text
    assert not list(deployer.engine.workspace.directory.glob("registries-*"))
