"""Tests of pools whose size the autoscaler chooses, on emulated AWS and Azure.

The tests make the calls of the autoscaler, because its pod does nothing in the lab.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from testkit import pods
from testkit.figures import RecordFigures
from testkit.stackfile import Document
from testkit.wait import eventually
from testkit.watcher import Watcher
from tests.clouds.stack import MEMBER, POOL, CloudStack
from tests.clouds.stack_tests import DownTests
from tests.clouds.variants import VARIANTS, configuration, created_on

pytestmark = [pytest.mark.hours, pytest.mark.timeout(2700)]

NETWORKS = {"aws": "10.130.", "azure": "10.131."}
NODES = 7
"""The size that the autoscaler gives to the pool `general`, which has 2 to 9 nodes in three zones."""
SPOT = "spot"
"""A pool of spot machines, in which the autoscaler first has no node."""
UP_SECONDS = 1500
"""Time limit for an `up` that replaces seven nodes, one after another in each zone."""
NOTICE_SECONDS = 120
"""Time in which a reclaimed node must drain. AWS gives two minutes, Azure 30 s."""


def stack_config(cloud: str) -> Document:
    """Return the configuration of the stack on a cloud."""
    spot_machine = {"types": [VARIANTS[cloud].machine_type], "spot": True}
    spot = {"size": {"min": 0, "max": 3}, "machine": spot_machine, "labels": {"tier": SPOT}}
    change = {
        "pools": {POOL: {"size": {"min": 2, "max": 9}}, SPOT: spot},
        cloud: {"addons": {"autoscaler": True}},
    }
    return configuration(cloud, f"kw{cloud}pools", NETWORKS[cloud], change)


@pytest.fixture(scope="module", params=VARIANTS)
def stack(request: pytest.FixtureRequest, state: Path) -> Iterator[CloudStack]:
    """Yield the stack after its first `up`."""
    with created_on(request.param, state, stack_config(request.param)) as stack:
        yield stack


def test_up_creates_the_minimum_of_each_pool(stack: CloudStack) -> None:
    stack.wait_until_healthy(2)
    assert [limits for _, limits in sorted(stack.group_limits().items())] == [(1, 3), (1, 3), (0, 3)]
    assert list(stack.group_limits(SPOT).values()) == [(0, 1)] * 3
    assert set(stack.group_sizes(SPOT).values()) == {0}


def test_autoscaler_adds_nodes_that_no_preview_removes(stack: CloudStack) -> None:
    for group, size in distribute(NODES, list(stack.group_sizes())).items():
        stack.set_group_size(group, size)
    stack.wait_until_healthy(NODES, seconds=600)
    assert not stack.previewed_operations()


def distribute(nodes: int, groups: Sequence[str]) -> dict[str, int]:
    """Return the sizes of the groups of a pool with this number of nodes. The first groups get the rest."""
    quotient, rest = divmod(nodes, len(groups))
    return {group: quotient + (number < rest) for number, group in enumerate(sorted(groups))}


def test_changed_kubelet_setting_keeps_the_size(stack: CloudStack, record_figures: RecordFigures) -> None:
    before, sizes = set(stack.machines()), stack.group_sizes()
    assert len(before) == NODES
    stack.merge_settings({"pools": {POOL: {"kubelet": {"max_pods": 90}}}})
    with (
        Watcher(lambda: sum(stack.group_sizes().values()), interval=5) as desired,
        Watcher(lambda: len(stack.nodes_by_name().keys() - {MEMBER}), interval=5) as ready,
    ):
        began = time.monotonic()
        stack.command("up", timeout=UP_SECONDS)
        record_figures(up=round(time.monotonic() - began, 1))
    stack.wait_until_healthy(NODES)
    record_figures(nodes=NODES, samples=len(ready.values), min_ready_nodes=min(ready.values))
    assert len(desired.values) > 10
    assert set(desired.values) == {NODES}
    assert stack.group_sizes() == sizes
    after = stack.machines().keys()
    assert not before & after, "each node is another machine"
    nodes = stack.nodes_by_name()
    assert {nodes[name]["status"]["capacity"]["pods"] for name in after} == {"90"}
    # The zones change in parallel, one node in each.
    assert min(ready.values) >= NODES - len(sizes)
    assert not stack.previewed_operations()


def test_reclaimed_spot_node_is_drained_and_replaced(
    stack: CloudStack, record_figures: RecordFigures
) -> None:
    stack.set_group_size(min(stack.group_sizes(SPOT)), 1)
    stack.wait_until_healthy(1, SPOT)
    (reclaimed,) = stack.machines(SPOT)
    # Nodes of the pool are selected by their label, which the kubelet of a new node sets itself.
    spec = pods.spec(pods.container("exec sleep 3600"), nodeSelector={"tier": SPOT})
    stack.apply(pods.namespace(SPOT))
    stack.apply(pods.deployment(SPOT, "worker", 1, spec))
    stack.wait_rollout(SPOT, "deployment/worker")
    assert nodes_of(stack.pods(SPOT)) == {reclaimed}
    began = time.monotonic()
    stack.interrupt(reclaimed)
    eventually(
        "the node is drained", lambda: is_drained(stack, reclaimed), timeout=NOTICE_SECONDS, interval=0.5
    )
    record_figures(drained=round(time.monotonic() - began, 1))

    def replaced() -> bool:
        assert reclaimed not in stack.all_machines()
        return stack.is_healthy(1, SPOT)

    stack.wait_for("another spot machine is a Ready node", replaced)
    record_figures(replaced=round(time.monotonic() - began, 1))
    stack.wait_rollout(SPOT, "deployment/worker")
    assert nodes_of(stack.pods(SPOT)) == set(stack.machines(SPOT))
    stack.kubectl("delete", "namespace", SPOT, timeout=120)


def nodes_of(found: Sequence[Any]) -> set[str]:
    """Return the names of the nodes of pods; an empty name for a pod without a node."""
    return {pod["spec"].get("nodeName", "") for pod in found}


def is_drained(stack: CloudStack, node: str) -> bool:
    """Check whether a node is cordoned and has no pods except those of DaemonSets.

    The Node exists for a few seconds after its machine, until the cloud controller deletes it. Raise
    AssertionError afterwards.
    """
    if not stack.get("node", node)["spec"].get("unschedulable"):
        return False
    on_node = stack.items("pods", "--all-namespaces", f"--field-selector=spec.nodeName={node}")
    owners = [owner["kind"] for pod in on_node for owner in pod["metadata"].get("ownerReferences", [])]
    return all(kind == "DaemonSet" for kind in owners)


class TestDown(DownTests):
    """The removal of the stack."""
