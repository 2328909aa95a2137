"""Tests of the charts that a lab on an emulated cloud uses instead of charts of repositories."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import yaml

from artifacts.catalogue import DEFAULTS, images
from automation.environment import CHECKOUT
from lab.plugins.kubernetes.charts import source_arguments
from lab.plugins.kubernetes.helm import Helm
from providers.aws import addons as aws
from providers.aws.addons import CLOUD_CONTROLLER_CHART
from providers.aws.names import Names as AwsNames
from providers.azure import addons as azure
from providers.azure.names import Names as AzureNames
from providers.cloud.addons import AUTOSCALER_CHART, Chart, Values

CHARTS = CHECKOUT / "lab" / "charts"
REMOTE = {
    "chart": CLOUD_CONTROLLER_CHART.name,
    "version": CLOUD_CONTROLLER_CHART.version,
    "repositoryOpts": {"repo": "https://charts.invalid"},
}


class OfflineHelm(Helm):
    """A helm that must not be called."""

    def __init__(self) -> None:
        super().__init__(None, {}, threading.Event())

    def run(self, *_: object, **__: object) -> str:
        raise AssertionError("helm was called")


def test_chart_of_the_lab_replaces_the_chart_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBEWRIGHT_LAB_CHARTS", str(CHARTS))
    arguments = source_arguments(OfflineHelm(), REMOTE, tmp_path, [])
    assert arguments == [
        str(CHARTS / CLOUD_CONTROLLER_CHART.name),
        "--version",
        CLOUD_CONTROLLER_CHART.version,
    ]


@pytest.mark.parametrize("chart", ["another-chart", "../charts/aws-cloud-controller-manager"])
def test_other_charts_come_from_their_repository(
    chart: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBEWRIGHT_LAB_CHARTS", str(CHARTS))
    with pytest.raises(AssertionError, match="helm was called"):
        source_arguments(OfflineHelm(), REMOTE | {"chart": chart}, tmp_path, [])


def test_without_an_emulated_cloud_the_repository_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBEWRIGHT_LAB_CHARTS", raising=False)
    with pytest.raises(AssertionError, match="helm was called"):
        source_arguments(OfflineHelm(), REMOTE, tmp_path, [])


@pytest.mark.parametrize(
    ("chart", "workload"),
    [
        (aws.CLOUD_CONTROLLER_CHART, "daemonset"),
        (azure.CLOUD_CONTROLLER_CHART, "deployment"),
        (AUTOSCALER_CHART, "deployment"),
    ],
    ids=lambda item: getattr(item, "name", item),
)
def test_chart_of_the_lab_has_the_version_and_an_image_of_the_mirror(chart: Chart, workload: str) -> None:
    directory = CHARTS / chart.name
    assert f"version: {chart.version}\n" in (directory / "Chart.yaml").read_text()
    pause = next(image for image in images(DEFAULTS) if "/pause:" in str(image))
    assert f"image: {pause}\n" in (directory / f"templates/{workload}.yaml").read_text()


@pytest.mark.parametrize(
    "values",
    [
        aws.autoscaler_values(AwsNames(cluster="lab", region="eu-central-1")),
        azure.autoscaler_values(AzureNames(cluster="lab", subscription="s", location="westeurope"), "client"),
    ],
    ids=["aws", "azure"],
)
def test_chart_of_the_autoscaler_has_the_values_that_kubewright_sets(values: Values) -> None:
    known = yaml.safe_load((CHARTS / AUTOSCALER_CHART.name / "values.yaml").read_text())
    assert set(values) <= set(known)
