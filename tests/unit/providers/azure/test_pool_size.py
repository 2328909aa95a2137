"""Tests that an update of a scale set keeps the size that the autoscaler chose."""

from __future__ import annotations

import pytest
from pulumi import ResourceHookArgs

from providers.azure.pool_size import describe_resize, refuse_resize
from providers.azure.resources import min_size
from tests.unit.components.graph import Graph, Json
from tests.unit.providers.azure.program import graph
from tests.unit.providers.program import section

ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/general-1"


def run_hook(capacity: float, current: int) -> list[str]:
    """Run the check of a scale set with the capacity in the update and the current size; return the ids that
    it asked for.
    """
    asked: list[str] = []

    def read_size(id: str) -> int:
        asked.append(id)
        return current

    args = ResourceHookArgs(urn="u", id=ID, name="n", type="t", new_inputs={"sku": {"capacity": capacity}})
    refuse_resize("pool-general-1", args, read_size)
    return asked


def test_update_with_the_current_size_is_allowed() -> None:
    assert run_hook(7.0, 7) == [ID]


def test_update_with_an_old_size_is_refused() -> None:
    with pytest.raises(RuntimeError, match=r"pool-general-1: .* to 7 nodes, .* set it to 3; .*run"):
        run_hook(3.0, 7)


def test_inputs_without_a_size_are_allowed() -> None:
    assert describe_resize("x", {}, 7) == ""


def test_every_autoscaled_scale_set_has_the_check(resources: Graph) -> None:
    for node in resources.of_type(":VirtualMachineScaleSet"):
        assert node.hooks["before_update"] == [f"{node.name}-keeps-size"]


def test_scale_set_of_a_fixed_size_can_be_resized() -> None:
    def fixed(cluster: Json) -> None:
        section(cluster, "azure", "addons")["autoscaler"] = False

    for node in graph(fixed).of_type(":VirtualMachineScaleSet"):
        assert not node.hooks.get("before_update")


def test_reports_read_the_minimum_and_not_the_current_size() -> None:
    assert min_size({"sku": {"capacity": 7}, "tags": {"min": "3"}}) == 3
    assert min_size({"sku": {"capacity": 7}}) == 7
