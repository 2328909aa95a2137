"""Tests of the configurations in tests/clouds: the stand-ins create all resources of these stacks in the
emulated clouds, without hosts.
"""

from __future__ import annotations

import base64
import json
import runpy
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path

import pytest
from pulumi.runtime import config as pulumi_config
from pulumi.runtime import mocks

import artifacts.index
from artifacts.catalogue import NODE_ARTIFACTS, OPTIONAL_ARTIFACTS, version_of
from artifacts.index import FileSource, Index
from automation.lab_stack import lab_requirements
from lab.paths import LabPaths
from nodeconfig.host_program import ARTIFACT_NAME, digest
from testkit.cluster import CHECKOUT
from testkit.emulated_aws import emulated_aws
from testkit.emulated_azure import emulated_azure
from testkit.stackfile import CLUSTER, Document
from tests.clouds import test_autoscaled_pools as pools
from tests.clouds import test_cluster_upgrade as upgrade
from tests.clouds import test_member_faults as faults
from tests.clouds.variants import VARIANTS
from tests.programs.aws_plugins import EmulatedPlugins as AwsPlugins
from tests.programs.azure_plugins import EmulatedPlugins as AzurePlugins
from tests.unit.components.graph import Graph, record_graph
from tests.unit.providers.azure.program import nested_value
from topology.model import Versions

CONFIGURATIONS: Mapping[str, Callable[[str], Document]] = {
    "pools": pools.stack_config,
    "upgrade": upgrade.upgraded_stack_config,
    "members": faults.faulty_stack_config,
}
CreatedGraph = Callable[[str, str], Graph]
"""A function that creates the resources of a configuration on a cloud, and returns them."""


@pytest.fixture(scope="module", autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Use a state directory with the certificates of the labs, and an index with every artifact."""
    directory = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBEWRIGHT_STATE", str(directory))
        patch.setattr(artifacts.index, "load", complete_index)
        for build in CONFIGURATIONS.values():
            for cloud in VARIANTS:
                paths = LabPaths.of(build(cloud)[CLUSTER]["name"])
                paths.root.mkdir(parents=True)
                paths.ca.write_text("certificate\n")
        yield directory
    pulumi_config.set_all_config({})


def complete_index(_mirror: object, _authority: object, *version_sets: Versions, **_: object) -> Index:
    names = (*NODE_ARTIFACTS, *OPTIONAL_ARTIFACTS)
    keys = {f"{name}/{version_of(name, versions)}" for name in names for versions in version_sets}
    files = {key: FileSource(f"https://mirror.test/files/{key}", "0" * 64) for key in keys}
    files[f"{ARTIFACT_NAME}/{digest()}"] = FileSource("https://mirror.test/host-program", "0" * 64)
    return Index(source="test", versions=version_sets[0], files=files)


@pytest.fixture(scope="module")
def created(state: Path) -> CreatedGraph:
    """Return a function that runs the program in the account of an emulated cloud. It keeps its results."""

    @cache
    def create(name: str, cloud: str) -> Graph:
        config = CONFIGURATIONS[name](cloud)[CLUSTER]
        emulation: AbstractContextManager[Mapping[str, str]]
        emulation = emulated_aws(state) if cloud == "aws" else emulated_azure()
        with emulation as variables:
            plugins = AwsPlugins(variables) if cloud == "aws" else AzurePlugins(variables)
            return run_program(config, plugins)

    return create


def run_program(config: Mapping[str, object], plugins: mocks.Mocks) -> Graph:
    interrupt = signal.getsignal(signal.SIGINT)
    pulumi_config.set_config(CLUSTER, json.dumps(config))
    try:
        return record_graph(
            lambda: runpy.run_path(str(CHECKOUT / "__main__.py"), run_name="__main__"), plugins=plugins
        )
    finally:
        signal.signal(signal.SIGINT, interrupt)


@pytest.mark.parametrize("cloud", VARIANTS)
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_configuration_is_that_of_a_lab(name: str, cloud: str) -> None:
    config = CONFIGURATIONS[name](cloud)
    requirements = lab_requirements(config[CLUSTER]["name"], config, Path("/mirror"))
    assert requirements is not None
    assert requirements.lab.cloud == cloud
    expected = {upgrade.OLD_VERSION} if name == "upgrade" else {upgrade.NEW_VERSION}
    assert {versions.kubernetes for versions in requirements.version_sets} == expected


def test_names_and_networks_of_stacks_are_unique() -> None:
    configs = [build(cloud) for build in CONFIGURATIONS.values() for cloud in VARIANTS]
    for values in (
        {config[CLUSTER]["name"] for config in configs},
        {config["kubewright:lab"]["network"] for config in configs},
    ):
        assert len(values) == len(configs)


@pytest.mark.parametrize("cloud", VARIANTS)
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_emulated_cloud_has_all_resources(created: CreatedGraph, name: str, cloud: str) -> None:
    rolls = [node.name for node in created(name, cloud).nodes.values() if node.name.endswith("-roll")]
    assert len(rolls) == (1 if name == "pools" else 3)


def test_pools_of_aws_can_grow(created: CreatedGraph) -> None:
    groups = created("pools", "aws").of_type("autoscaling/group:Group")
    sizes = {
        str(node.inputs["name"]): (node.inputs["minSize"], node.inputs["maxSize"])
        for node in groups
        if "-pool-" in str(node.inputs["name"])
    }
    assert sorted(sizes.values()) == [(0, 1)] * 3 + [(0, 3), (1, 3), (1, 3)]
    # The autoscaler owns the size.
    assert not any("desiredCapacity" in node.inputs for node in groups)


def test_pools_of_azure_keep_the_size_of_the_autoscaler(created: CreatedGraph) -> None:
    scale_sets = created("pools", "azure").of_type(":VirtualMachineScaleSet")
    assert len(scale_sets) == 6
    for node in scale_sets:
        assert node.ignore_changes == ("sku.capacity",)
        assert node.hooks["before_update"] == [f"{node.name}-keeps-size"]


def test_machines_are_repaired_after_the_shortest_time(created: CreatedGraph) -> None:
    templates = created("members", "aws").of_type(":LaunchTemplate")
    programs = [node.text("userData") for node in templates]
    azure = created("members", "azure")
    profiles = [node.inputs["osProfile"] for node in azure.of_type("compute:VirtualMachine")]
    for node in azure.of_type(":VirtualMachineScaleSet"):
        profiles.append(nested_value(node.inputs, "virtualMachineProfile", "osProfile"))
    programs += [str(nested_value(profile, "customData")) for profile in profiles]
    assert len(templates) == 4
    assert len(profiles) == 5
    for text in programs:
        program = base64.b64decode(text).decode()
        assert f"REPAIR_SECONDS={faults.REPAIR_SECONDS}\n" in program
        assert "DRAIN_SECONDS=60\n" in program
