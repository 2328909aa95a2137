"""Tests of the placement of members: moves of a member are refused by a hook in both clouds."""

from __future__ import annotations

import pytest

from providers.cloud.placement import describe_moves
from tests.unit.components.graph import Graph, Json, Node
from tests.unit.providers.aws import program as aws
from tests.unit.providers.azure import program as azure
from tests.unit.providers.program import ExampleStack, section

PLACEMENT = {"address": "10.0.0.10", "zone": "a", "subnet": "subnet-1"}


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (PLACEMENT, ""),
        (PLACEMENT | {"address": "10.0.0.11"}, "address 10.0.0.10 -> 10.0.0.11"),
        (PLACEMENT | {"zone": "b", "subnet": "subnet-2"}, "zone a -> b, subnet subnet-1 -> subnet-2"),
        # The value is unknown before the subnet is created, so it is no text.
        (PLACEMENT | {"subnet": object()}, ""),
    ],
)
def test_error_names_the_changed_placement(new: Json, message: str) -> None:
    assert describe_moves(PLACEMENT, new) == message


def test_a_state_without_placement_is_accepted() -> None:
    assert describe_moves({}, PLACEMENT) == ""


def swap_first_members(cluster: Json) -> None:
    section(cluster, "control_planes")["hosts"] = ["cp-2", "cp-1", "cp-3"]


def member(graph: Graph, name: str) -> Node:
    """Return the component of a member."""
    (component,) = (
        node
        for node in graph.nodes.values()
        if node.name == name and node.type in ("kubewright:aws:Seat", "kubewright:azure:Member")
    )
    return component


@pytest.mark.parametrize(
    ("example", "name"), [(aws.EXAMPLE, "cp-1-seat"), (azure.EXAMPLE, "cp-1")], ids=["aws", "azure"]
)
def test_a_member_refuses_to_move(example: ExampleStack, name: str) -> None:
    before, after = member(example.graph(), name), member(example.graph(swap_first_members), name)
    assert before.hooks["before_update"] == ["cp-1-stays"]
    message = describe_moves(before.inputs, after.inputs)
    assert message.startswith(f"address {before.inputs['address']} -> {after.inputs['address']}, zone ")
