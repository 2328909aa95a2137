"""Compares the URNs of the example stacks with recorded lists, so that no resource is renamed by mistake.

A renamed resource, component or type token would delete and recreate resources of existing stacks: machines,
certificates, objects. `KUBEWRIGHT_UPDATE_URNS=1` writes the lists; review the difference before you commit
the files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
import yaml

from tests.unit.components.conftest import ROOT
from tests.unit.components.graph import Graph, Json
from tests.unit.providers.aws.program import AwsPlugins
from tests.unit.providers.azure.program import AzurePlugins
from tests.unit.providers.program import ExampleStack
from tests.unit.urns.graph_urns import urns

RECORDED = Path(__file__).parent
LAB_STACKS = ("dev", "ha")
CLOUD_STACKS = {"aws-example": AwsPlugins, "azure-example": AzurePlugins}


def lab_cluster(stack: str, state: Path) -> Json:
    """Return `kubewright:cluster` of a lab stack, with the files of its lab in the directory `state`."""
    config = yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    cluster = cast(Json, config["kubewright:cluster"])
    lab = state / "labs" / stack
    (lab / "ssh").mkdir(parents=True)
    (lab / "ca.crt").write_text("certificate\n")
    (lab / "ssh/id_ed25519").write_text("key\n")
    hosts = config["kubewright:cluster"]["metal"]["hosts"].values()
    (lab / "ssh/known_hosts").write_text("".join(f"{host['address']} ssh-ed25519 AAAA\n" for host in hosts))
    return cast(Json, json.loads(json.dumps(cluster).replace("$KUBEWRIGHT_STATE", str(state))))


def assert_recorded(stack: str, graph: Graph) -> None:
    """Compare the URNs of a graph with the recorded list of the stack."""
    actual = urns(graph, stack)
    file = RECORDED / f"{stack}.txt"
    if os.environ.get("KUBEWRIGHT_UPDATE_URNS"):
        file.write_text("".join(f"{urn}\n" for urn in actual))
    kept = file.read_text().splitlines()
    missing, added = sorted(set(kept) - set(actual)), sorted(set(actual) - set(kept))
    assert not missing, (
        f"{stack}: resources of existing stacks would be deleted; keep their names, types and parents, or "
        f"give the renamed resources aliases, then update the list: {missing}; new: {added}"
    )
    assert not added, f"{stack}: new resources; add them to the list with KUBEWRIGHT_UPDATE_URNS=1: {added}"


@pytest.mark.parametrize("stack", LAB_STACKS)
def test_urns_of_a_lab_stack_match_the_recorded_list(
    deploy: Callable[[Json], Graph], stack: str, tmp_path: Path
) -> None:
    assert_recorded(stack, deploy(lab_cluster(stack, tmp_path)))


@pytest.mark.parametrize("stack", CLOUD_STACKS)
def test_urns_of_a_cloud_example_match_the_recorded_list(stack: str) -> None:
    assert_recorded(stack, ExampleStack(stack, CLOUD_STACKS[stack]).graph())


@pytest.mark.parametrize("stack", [*LAB_STACKS, *CLOUD_STACKS])
def test_recorded_list_is_sorted_and_has_no_duplicates(stack: str) -> None:
    lines = (RECORDED / f"{stack}.txt").read_text().splitlines()
    assert lines == sorted(set(lines))
    assert len(lines) > 100
