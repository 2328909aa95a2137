"""Tests of the charts of add-ons: pinned versions, and changes for which a chart has no setting."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from providers.aws import addons, prices
from providers.aws.names import Names
from providers.cloud.addons import AUTOSCALER_CHART, Chart
from providers.cloud.prices import total_hourly
from tests.unit.components.graph import Json
from tests.unit.providers.aws.program import example_settings
from tests.unit.providers.program import ROOT, section

NAMES = Names(cluster="c", region="eu-central-1")
MANIFESTS = """\
kind: Deployment
spec:
  template:
    spec:
      serviceAccountName: ebs-csi-controller-sa
      containers: []
---
kind: DaemonSet
spec:
  template:
    spec:
      serviceAccountName: ebs-csi-node-sa
"""


def run_postrenderer(manifests: str) -> subprocess.CompletedProcess[str]:
    program = ROOT / addons.STORAGE_CHART.postrender
    return subprocess.run([program], input=manifests, capture_output=True, text=True, check=False)


def test_only_the_controller_of_the_driver_uses_the_host_network() -> None:
    result = run_postrenderer(MANIFESTS)
    assert result.returncode == 0, result.stderr
    specs = {
        manifest["kind"]: manifest["spec"]["template"]["spec"]
        for manifest in yaml.safe_load_all(result.stdout)
        if manifest
    }
    assert specs["Deployment"]["hostNetwork"] is True
    assert "hostNetwork" not in specs["DaemonSet"]


def test_chart_with_unexpected_content_is_an_error() -> None:
    result = run_postrenderer(MANIFESTS.replace("ebs-csi-controller-sa", "something-else"))
    assert result.returncode == 1
    assert "no controller with the service account" in result.stderr
    assert result.stdout == ""


def test_image_of_the_cloud_controller_is_published() -> None:
    image = addons.cloud_controller_values(NAMES)["image"]
    assert image == {
        "repository": "registry.k8s.io/provider-aws/cloud-controller-manager",
        "tag": "v1.36.1",
    }


@pytest.mark.parametrize(
    "strategy",
    [
        addons.storage_values(NAMES, 1)["controller"]["updateStrategy"],  # type: ignore[index]
        addons.autoscaler_values(NAMES)["updateStrategy"],
        addons.load_balancer_values(NAMES, "vpc-1", 1)["updateStrategy"],
    ],
)
def test_a_controller_on_the_host_network_frees_its_ports_first(strategy: Json) -> None:
    """With one control plane, a second pod could not have the same ports beside the first."""
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}


@pytest.mark.parametrize(
    "chart",
    [addons.CLOUD_CONTROLLER_CHART, addons.STORAGE_CHART, AUTOSCALER_CHART, addons.LOAD_BALANCER_CHART],
)
def test_every_chart_has_an_exact_version(chart: Chart) -> None:
    assert chart.version.replace(".", "").isdigit()
    assert chart.repository.startswith("https://")


class TestPrices:
    def test_hourly_price_of_the_example(self) -> None:
        settings, aws, _ = example_settings()
        lines = {line.item: line for line in prices.estimate_lines(settings, aws)}
        assert lines["t3.large"].count == 3
        assert lines["m6i.large"].count == 3
        assert lines["NAT gateway"].count == 1
        # 3 x (40 + 20) for members, 3 x 100 for workers.
        assert lines["GiB of gp3 volume"].count == 480
        assert total_hourly(lines.values()) == pytest.approx(0.78, abs=0.01)

    def test_documentation_has_the_same_price(self) -> None:
        settings, aws, _ = example_settings()
        hourly = total_hourly(prices.estimate_lines(settings, aws))
        assert hourly is not None
        assert f"{hourly:.2f} US dollars an hour" in (ROOT / "docs/aws.md").read_text()

    def test_unknown_price_has_no_total(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "control_planes", "machine")["type"] = "m5dn.large"

        settings, aws, _ = example_settings(edit)
        assert total_hourly(prices.estimate_lines(settings, aws)) is None

    def test_region_without_prices_has_no_total(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "aws").update({"region": "sa-east-1", "zones": 3})

        settings, aws, _ = example_settings(edit)
        lines = prices.estimate_lines(settings, aws)
        assert total_hourly(lines) is None
        assert [line.count for line in lines if line.item == "t3.large"] == [3]
