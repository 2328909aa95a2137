"""Tests of a pool of arm64 machines (Ampere, Cobalt): machine images, files, and tags for the autoscaler."""

from __future__ import annotations

import pytest

from providers.azure import limits
from tests.unit.components.graph import Graph, Json
from tests.unit.providers.arm64 import fetched_files, with_arm64_pool, write_index
from tests.unit.providers.azure.program import example_settings, graph, nested_value
from tests.unit.providers.program import ROOT

IMAGE: Json = {"publisher": "Debian", "offer": "debian-13", "sku": "13-arm64"}
ARCHITECTURE_TAG = "k8s.io_cluster-autoscaler_node-template_label_kubernetes.io_arch"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Return the resources of the example, in which the pool `general` has arm64 machines."""
    index = write_index(tmp_path_factory.mktemp("index"))
    return graph(with_arm64_pool("azure", "Standard_D4ps_v6", IMAGE, index))


def test_machines_boot_the_image_of_their_architecture(mixed: Graph) -> None:
    sets = mixed.of_type(":VirtualMachineScaleSet")
    images = {node.name: nested_value(node.inputs, "virtualMachineProfile") for node in sets}
    images |= {node.name: node.inputs for node in mixed.of_type("compute:VirtualMachine")}
    assert len(images) >= 9
    for name, profile in images.items():
        sku = nested_value(profile, "storageProfile", "imageReference", "sku")
        assert sku == ("13-arm64" if "general" in name else "13-gen2"), name


def test_only_arm64_machines_fetch_files_for_arm64(mixed: Graph) -> None:
    scripts = fetched_files(mixed)
    assert any("general" in name for name in scripts)
    for name, urls in scripts.items():
        assert {"-arm64/" in url for url in urls} == {"general" in name}, name


def test_autoscaler_learns_the_architecture_from_a_tag(mixed: Graph) -> None:
    """The autoscaler assumes amd64 for a scale set without nodes."""
    for node in mixed.of_type(":VirtualMachineScaleSet"):
        tags = nested_value(node.inputs, "tags")
        assert tags.get(ARCHITECTURE_TAG) == ("arm64" if "general" in node.name else None), node.name


@pytest.mark.parametrize("size", ["Standard_D2ps_v5", "Standard_E4pds_v6", "Standard_B2pls_v2"])
def test_arm64_sizes_have_no_problem(size: str) -> None:
    edit = with_arm64_pool("azure", size, IMAGE, ROOT / "mirrors/example.json")
    settings, azure, topology = example_settings(edit)
    assert limits.problems(settings, azure, topology) == []
    assert azure.architecture(size) == "arm64"


@pytest.mark.parametrize("size", ["Standard_D2s_v5", "Standard_NP10s", "Standard_E8-4ads_v5", "large"])
def test_other_sizes_are_amd64(size: str) -> None:
    assert example_settings()[1].architecture(size) == "amd64"
