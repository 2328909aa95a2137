"""Tests of a minor upgrade of a whole cluster on emulated AWS and Azure, which replaces every machine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from artifacts import directories
from artifacts.catalogue import DEFAULTS
from artifacts.mirror import build
from providers.cloud.addons import EARLY_TOLERATIONS, ON_CONTROL_PLANES
from testkit.figures import RecordFigures
from testkit.stackfile import Document
from tests.clouds.members import MAX_GAP_SECONDS, MEMBERS, WORKERS, stack_config
from tests.clouds.stack import CloudStack
from tests.clouds.stack_tests import DownTests, LostMachineTests
from tests.clouds.variants import VARIANTS, created_on
from tests.faults.load import assert_limits, running_client

# A machine without Kubernetes 1.35 in its cache compiles it first.
pytestmark = [pytest.mark.hours, pytest.mark.timeout(5400)]

NETWORKS = {"aws": "10.132.", "azure": "10.133."}
OLD_VERSION, NEW_VERSION = "1.35.6", DEFAULTS.kubernetes
UP_SECONDS = 2400
"""Time limit for an `up` that replaces three control planes one by one, and then the workers."""
CONTROLLER_VOLUME = "cloud-controller"
"""The volume by which the lab finds the pods of the cloud controller."""


def upgraded_stack_config(cloud: str) -> Document:
    """Return the configuration of the stack on a cloud, with the previous minor version of Kubernetes."""
    change = {"kubernetes": {"version": OLD_VERSION}}
    return stack_config(cloud, f"kw{cloud}upgrade", NETWORKS[cloud], change)


@pytest.fixture(scope="module", params=VARIANTS)
def stack(request: pytest.FixtureRequest, state: Path) -> Iterator[CloudStack]:
    """Yield the stack after its first `up`. The mirror is built before, because `up` has a time limit."""
    build(directories.cache() / "mirror", replace(DEFAULTS, kubernetes=OLD_VERSION))
    with created_on(request.param, state, upgraded_stack_config(request.param)) as stack:
        yield stack


def test_cluster_has_the_previous_minor_version(stack: CloudStack) -> None:
    stack.wait_until_healthy(WORKERS)
    assert versions(stack) == {f"v{OLD_VERSION}"}


def test_minor_upgrade_of_the_whole_cluster(stack: CloudStack, record_figures: RecordFigures) -> None:
    """A client writes all the while."""
    with running_client(stack) as client:
        stack.merge_settings({"kubernetes": {"version": NEW_VERSION}})
        began = time.monotonic()
        stack.command("up", timeout=UP_SECONDS)
        record_figures(up=round(time.monotonic() - began, 1))
        stack.wait_until_healthy(WORKERS)
        assert_limits(client, stack, MAX_GAP_SECONDS, record_figures)
    assert versions(stack) == {f"v{NEW_VERSION}"}
    assert not stack.previewed_operations()


def versions(stack: CloudStack) -> set[str]:
    """Return the versions of the kubelets and of the API server that answers."""
    server = json.loads(stack.kubectl("get", "--raw", "/version").stdout)["gitVersion"]
    return {server, *(node["status"]["nodeInfo"]["kubeletVersion"] for node in stack.items("nodes"))}


def test_every_control_plane_has_its_labels_and_its_taint(stack: CloudStack) -> None:
    label = "node-role.kubernetes.io/control-plane"
    nodes = {node["metadata"]["name"]: node for node in stack.items("nodes", f"--selector={label}")}
    assert set(nodes) == set(MEMBERS)
    for node in nodes.values():
        taints = [(taint["key"], taint["effect"]) for taint in node["spec"]["taints"]]
        assert taints == [(label, "NoSchedule")]
    stack.expect_data_of_the_cloud()


def test_cloud_controller_runs_on_control_planes_by_its_own_rules(stack: CloudStack) -> None:
    stack.wait_for("the cloud controller runs", lambda: len(running_controllers(stack)) >= 2)
    for pod in running_controllers(stack):
        spec = pod["spec"]
        assert spec["nodeName"] in MEMBERS
        assert spec["nodeSelector"] == ON_CONTROL_PLANES
        assert all(toleration in spec["tolerations"] for toleration in EARLY_TOLERATIONS)


def running_controllers(stack: CloudStack) -> list[Any]:
    """Return the running pods of the cloud controller."""
    return [
        pod
        for pod in stack.pods("kube-system")
        if pod["status"]["phase"] == "Running"
        and any(volume["name"] == CONTROLLER_VOLUME for volume in pod["spec"].get("volumes", []))
    ]


class TestLostMachine(LostMachineTests):
    """A new node, which the cloud controller must initialize."""


class TestDown(DownTests):
    """The removal of the stack."""
