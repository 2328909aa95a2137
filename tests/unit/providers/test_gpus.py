"""Tests of pools with GPUs in clouds: machine types without GPUs, and tags for the autoscaler."""

from __future__ import annotations

import pytest

from nodeconfig import bundles
from nodeconfig.bundle import IDENTITY_AT_BOOT
from nodeconfig.render import script
from providers.aws import limits as aws_limits
from providers.aws.machine_types import type_table
from providers.azure import limits as azure_limits
from providers.azure import sizes
from testkit.bundles import FakeIndex
from tests.unit.components.graph import Json
from tests.unit.providers.aws import program as aws
from tests.unit.providers.azure import program as azure
from tests.unit.providers.program import ConfigEdit, section
from topology.model import Role


def with_gpu_pool(*types: str, gpu: str | None = "nvidia") -> ConfigEdit:
    def edit(cluster: Json) -> None:
        section(cluster, "pools")["gpus"] = {
            "gpu": gpu,
            "size": {"min": 0, "max": 2},
            "machine": {"types": list(types), "disk": "100Gi"},
            "labels": {"team": "ml"},
        }

    return edit


def aws_problems(edit: ConfigEdit) -> list[str]:
    return [str(problem) for problem in aws_limits.problems(*aws.example_settings(edit))]


def azure_problems(edit: ConfigEdit) -> list[str]:
    return [str(problem) for problem in azure_limits.problems(*azure.example_settings(edit))]


@pytest.mark.parametrize("name", ["g6.xlarge", "g4dn.2xlarge", "p4d.24xlarge", "g6f.large"])
def test_type_of_ec2_with_a_gpu_has_no_problem(name: str) -> None:
    assert aws_problems(with_gpu_pool(name)) == []


def test_each_type_of_ec2_without_a_gpu_is_a_problem() -> None:
    (problem,) = aws_problems(with_gpu_pool("m6i.xlarge", "g6.xlarge"))
    path = "kubewright:cluster.pools.gpus.machine.types"
    advice = "use a type such as g6.xlarge, or remove gpu from the pool"
    assert problem == f"{path}: m6i.xlarge: has no GPU; {advice}"
    assert aws_problems(with_gpu_pool("m6i.xlarge", gpu=None)) == []


def test_table_of_ec2_names_the_manufacturer_of_gpus() -> None:
    found = {name for name, kind in type_table().types.items() if kind.gpu}
    assert {type_table().types[name].gpu for name in found} == {"NVIDIA"}
    assert {name[0] for name in found} == {"g", "p"}
    assert not {name for name in found if name.startswith(("m", "c", "r", "t", "i"))}
    assert len(found) >= 60


@pytest.mark.parametrize(
    "name",
    [
        "Standard_NC4as_T4_v3",
        "Standard_NC24ads_A100_v4",
        "Standard_ND96asr_v4",
        "Standard_NV36ads_A10_v5",
        "Standard_NV12s_v3",
    ],
)
def test_size_of_azure_with_a_gpu_of_nvidia_has_no_problem(name: str) -> None:
    size = sizes.parse(name)
    assert size is not None
    assert size.has_nvidia_gpu


@pytest.mark.parametrize(
    "name",
    [
        "Standard_D4s_v5",
        "Standard_NP10s",
        "Standard_NV4as_v4",
        "Standard_NG16ads_V620_v1",
        "Standard_NV24ads_V710_v5",
        "Standard_ND96isr_MI300X_v5",
    ],
)
def test_size_of_azure_without_a_gpu_of_nvidia_is_a_problem(name: str) -> None:
    problems = azure_problems(with_gpu_pool(name))
    message = f"pools.gpus.machine.types: {name}: has no NVIDIA GPU; use a size such as Standard_NC4as_T4_v3"
    assert [message in problem for problem in problems].count(True) == 1
    assert not [problem for problem in azure_problems(with_gpu_pool(name, gpu=None)) if "GPU" in problem]


def test_autoscaler_on_aws_knows_label_and_taint_of_a_group_without_nodes() -> None:
    groups = [node for node in aws.graph(with_gpu_pool("g6.xlarge")).of_type(":Group") if "gpus" in node.name]
    assert groups
    template = "k8s.io/cluster-autoscaler/node-template"
    for group in groups:
        tags = {tag["key"]: tag["value"] for tag in group.inputs["tags"]}
        assert tags[f"{template}/label/team"] == "ml"
        assert tags[f"{template}/label/nvidia.com/gpu.present"] == "true"
        assert tags[f"{template}/taint/nvidia.com/gpu"] == "present:NoSchedule"


def test_autoscaler_on_azure_knows_label_and_taint_of_a_scale_set_without_nodes() -> None:
    graph = azure.graph(with_gpu_pool("Standard_NC4as_T4_v3"))
    scale_sets = [node for node in graph.of_type(":VirtualMachineScaleSet") if "gpus" in node.name]
    assert scale_sets
    template = "k8s.io_cluster-autoscaler_node-template"
    for scale_set in scale_sets:
        tags = azure.nested_value(scale_set.inputs, "tags")
        assert tags[f"{template}_label_nvidia.com_gpu.present"] == "true"
        assert tags[f"{template}_taint_nvidia.com_gpu"] == "present:NoSchedule"


def test_nodes_register_with_label_and_taint() -> None:
    _, _, topology = aws.example_settings(with_gpu_pool("g6.xlarge"))
    text = script(bundles(topology, FakeIndex())["gpus", Role.NODE], IDENTITY_AT_BOOT)
    assert "--node-labels=team=ml,nvidia.com/gpu.present=true" in text
    assert '"key": "nvidia.com/gpu",' in text
