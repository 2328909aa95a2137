"""Tests of the lab's charts of file storage with the values that the program sets, by `helm template`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from artifacts import directories
from providers.aws import file_driver as aws
from providers.aws.names import Names
from providers.azure import file_driver as azure
from providers.cloud.addons import ON_CONTROL_PLANES
from settings import aws_file_storage, azure_file_storage
from tests.unit.providers.program import ROOT

AWS_VALUES = aws.driver_values(Names(cluster="c", region="eu-central-1"), 1)
CHARTS = {
    "aws-efs-csi-driver": (AWS_VALUES, aws_file_storage.VERSION),
    "azurefile-csi-driver": (azure.driver_values(1), azure_file_storage.VERSION),
}


def rendered(chart: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the objects of a chart by kind. Skip the test without Helm."""
    helm = directories.cache() / "bin" / "helm"
    if not helm.exists():
        pytest.skip("needs Helm, which `kubewright` prepares")
    command = [str(helm), "template", chart, str(ROOT / "lab/charts" / chart), "--values=-"]
    words = [*command, "--namespace=kube-system"]
    result = subprocess.run(words, input=json.dumps(values), capture_output=True, text=True, check=True)
    return {item["kind"]: item for item in yaml.safe_load_all(result.stdout) if item}


@pytest.mark.parametrize("chart", CHARTS)
def test_controller_runs_on_control_planes_with_their_identity(chart: str) -> None:
    values, _ = CHARTS[chart]
    objects = rendered(chart, values)
    spec = objects["Deployment"]["spec"]
    assert spec["replicas"] == 1
    pod = spec["template"]["spec"]
    assert pod["hostNetwork"] is True
    assert pod["nodeSelector"] == ON_CONTROL_PLANES
    assert {item["key"] for item in pod["tolerations"]} >= ON_CONTROL_PLANES.keys()
    strategy = spec["strategy"]
    assert strategy["type"] == "Recreate" or strategy["rollingUpdate"]["maxSurge"] == 0
    assert objects["DaemonSet"]["spec"]["template"]["spec"]["hostNetwork"] is True


@pytest.mark.parametrize("chart", CHARTS)
def test_chart_of_the_lab_knows_every_value_of_the_program(chart: str) -> None:
    values, version = CHARTS[chart]
    directory: Path = ROOT / "lab/charts" / chart
    known = yaml.safe_load((directory / "values.yaml").read_text())
    for key, value in values.items():
        assert key in known
        assert not isinstance(value, Mapping) or value.keys() <= known[key].keys()
    assert yaml.safe_load((directory / "Chart.yaml").read_text())["version"] == version
