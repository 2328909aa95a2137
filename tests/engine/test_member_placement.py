"""Tests with the real engine: a moved cloud member is an error in the preview and in `up`."""

from __future__ import annotations

from pathlib import Path

import pytest

from testkit.cluster import CHECKOUT
from testkit.program import Program, create_stack

HEAD = """
import signal

import pulumi

from providers.cloud.placement import Placement, refuse_moves

# As in the real program: after a failed resource, the engine reports the error and interrupts the program.
signal.signal(signal.SIGINT, signal.SIG_DFL)

def member(name, address, zone, subnet="subnet-1", *, child="a"):
    placement = Placement(address=address, zone=pulumi.Output.from_input(zone), subnet=subnet)
    hooks = refuse_moves(name, "control_planes.hosts", "aws")
    options = pulumi.ResourceOptions(hooks=hooks)
    component = pulumi.ComponentResource("test:Member", name, placement.inputs, options)
    pulumi.ComponentResource("test:Below", f"{name}-{child}", None, pulumi.ResourceOptions(parent=component))
"""


@pytest.fixture
def two_member_stack(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    home = tmp_path_factory.getbasetemp() / "pulumi-home"
    program = create_stack(tmp_path, home, [], head=HEAD, variables={"PYTHONPATH": str(CHECKOUT)})
    program.program("member('cp-1', '10.0.0.10', 'a')\nmember('cp-2', '10.0.1.10', 'b')\n")
    program.up()
    return program


def test_member_that_would_move_fails_preview_and_up_with_one_line(two_member_stack: Program) -> None:
    # The change swaps two names, so that each member would get the other member's address.
    two_member_stack.program("member('cp-2', '10.0.0.10', 'a')\n")
    for output in (two_member_stack.run("preview", fails=True), two_member_stack.up(fails=True)):
        lines = [line.strip() for line in output.splitlines()]
        (line,) = {line for line in lines if line.startswith("error:") and "would move" in line}
        assert "control_planes.hosts: cp-2 would move (address 10.0.1.10 -> 10.0.0.10, zone b -> a)" in line
        assert "restore the order of names, aws.zones and aws.network" in line
        assert "Traceback" not in output


def test_resources_below_the_member_are_not_touched(two_member_stack: Program) -> None:
    two_member_stack.program("member('cp-1', '10.0.0.10', 'a', 'subnet-2', child='b')\n")
    two_member_stack.up(fails=True)
    assert "cp-1-b" not in two_member_stack.run("stack", "export")


def test_members_can_be_added_and_removed_and_the_same_placement_is_no_change(
    two_member_stack: Program,
) -> None:
    two_member_stack.assert_unchanged()
    two_member_stack.program("member('cp-1', '10.0.0.10', 'a')\nmember('cp-3', '10.0.1.10', 'b')\n")
    two_member_stack.up()
    two_member_stack.assert_unchanged()
