"""Tests of `drift` of Helm releases with the real engine, helm, kubectl and a real API server."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.releases.compare import compare_releases
from automation.releases.drift import ReleaseDifference
from automation.stacks.result import Outcome
from testkit.cluster import CHECKOUT
from testkit.control_plane import ControlPlane, binary_path, skip_without_binaries
from testkit.process import run
from tests.engine.release_stack import Deployer

PROGRAM = """
import json, pathlib
import pulumi
import pulumi_kubernetes as k8s

here = pathlib.Path({directory!r})
cluster = k8s.Provider("kubernetes", kubeconfig=pulumi.Output.secret((here / "kubeconfig").read_text()),
    cluster_identifier="loopback")
values = json.loads((here / "values.json").read_text())
k8s.helm.v3.Release("helm-hello", name="hello", namespace="default", chart=values.pop("chart"),
    skip_await=True, values=values, opts=pulumi.ResourceOptions(provider=cluster))
"""
CHART = CHECKOUT / "lab/charts/hello"


def test_chart_of_the_lab_has_no_drift_until_it_is_changed_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_binaries()
    (tmp_path / "cluster").mkdir()
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setenv("PULUMI_CREDENTIALS_PATH", str(tmp_path))
    with ControlPlane(tmp_path / "cluster") as control_plane:
        deployer = Deployer(tmp_path, control_plane.kubeconfig, PROGRAM, {})
        result, text = deployer.up({"chart": str(CHART), "replicas": 2})
        assert result.outcome is Outcome.CHANGES, text
        assert compare_releases(deployer.engine) == {"default/hello": []}

        control_plane.kubectl("delete", "poddisruptionbudget", "hello")
        assert compare_releases(deployer.engine) == {
            "default/hello": [ReleaseDifference("PodDisruptionBudget default/hello", "was deleted")]
        }
        variables = {"KUBECONFIG": str(deployer.program / "kubeconfig")}
        upgrade = [binary_path("helm"), "upgrade", "hello", str(CHART), "--set", "replicas=1"]
        run(upgrade, timeout=60, env=variables)
        assert compare_releases(deployer.engine) == {
            "default/hello": [ReleaseDifference("release", "values are not those of the last `up`")]
        }
        run([binary_path("helm"), "uninstall", "hello"], timeout=60, env=variables)
        (differences,) = compare_releases(deployer.engine).values()
        assert [getattr(item, "subject", item) for item in differences] == ["release"]
