"""Tests of the charts of add-ons: pinned versions, and changes for which a chart has no setting."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from providers.aws import addons, prices
from providers.aws.names import Names
from providers.cloud.addons import AUTOSCALER, Chart
from providers.cloud.prices import total
from tests.unit.components.graph import Json
from tests.unit.providers.aws.program import plan
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


def rendered(manifests: str) -> subprocess.CompletedProcess[str]:
    program = ROOT / addons.STORAGE.postrender
    return subprocess.run([program], input=manifests, capture_output=True, text=True, check=False)


def test_only_the_controller_of_the_driver_uses_the_host_network() -> None:
    done = rendered(MANIFESTS)
    assert done.returncode == 0, done.stderr
    specs = {one["kind"]: one["spec"]["template"]["spec"] for one in yaml.safe_load_all(done.stdout) if one}
    assert specs["Deployment"]["hostNetwork"] is True
    assert "hostNetwork" not in specs["DaemonSet"]


def test_chart_with_unexpected_content_is_an_error() -> None:
    done = rendered(MANIFESTS.replace("ebs-csi-controller-sa", "something-else"))
    assert done.returncode == 1
    assert "no controller with the service account" in done.stderr
    assert done.stdout == ""


def test_image_of_the_cloud_controller_is_published() -> None:
    image = addons.cloud_controller(NAMES)["image"]
    assert image == {
        "repository": "registry.k8s.io/provider-aws/cloud-controller-manager",
        "tag": "v1.36.1",
    }


@pytest.mark.parametrize(
    "chart", [addons.CLOUD_CONTROLLER, addons.STORAGE, AUTOSCALER, addons.LOAD_BALANCERS]
)
def test_every_chart_has_an_exact_version(chart: Chart) -> None:
    assert chart.version.replace(".", "").isdigit()
    assert chart.repository.startswith("https://")


class TestPrices:
    def test_hourly_price_of_the_example(self) -> None:
        settings, aws, _ = plan()
        lines = {line.item: line for line in prices.estimate(settings, aws)}
        assert lines["t3.large"].count == 3
        assert lines["m6i.large"].count == 3
        assert lines["NAT gateway"].count == 1
        # 3 x (40 + 20) for members, 3 x 100 for workers.
        assert lines["GiB of gp3 volume"].count == 480
        assert total(lines.values()) == pytest.approx(0.78, abs=0.01)

    def test_documentation_has_the_same_price(self) -> None:
        settings, aws, _ = plan()
        hourly = total(prices.estimate(settings, aws))
        assert hourly is not None
        assert f"{hourly:.2f} US dollars an hour" in (ROOT / "docs/aws.md").read_text()

    def test_unknown_price_has_no_total(self) -> None:
        def change(cluster: Json) -> None:
            section(cluster, "control_planes", "machine")["type"] = "m5dn.large"

        settings, aws, _ = plan(change)
        assert total(prices.estimate(settings, aws)) is None

    def test_region_without_prices_has_no_total(self) -> None:
        def change(cluster: Json) -> None:
            section(cluster, "aws").update({"region": "sa-east-1", "zones": 3})

        settings, aws, _ = plan(change)
        lines = prices.estimate(settings, aws)
        assert total(lines) is None
        assert [line.count for line in lines if line.item == "t3.large"] == [3]
