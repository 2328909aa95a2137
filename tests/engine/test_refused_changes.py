"""Tests with the real engine, without the driver: changes that a cluster does not survive are errors in the
preview and in `up`.
"""

from __future__ import annotations

import pytest

from testkit.cluster import CHECKOUT
from testkit.program import Program, create_stack

HEAD = """
import signal
from types import SimpleNamespace

import pulumi

from components.members import ControlPlane, Etcd, MembersArgs
from topology.model import Role

# As in the real program: the engine interrupts it when a resource failed, and has reported the error.
signal.signal(signal.SIGINT, signal.SIG_DFL)

class Provider:
    def member(self, machine, role, bundle, secrets, opts):
        return pulumi.ComponentResource("test:Member", f"{machine}-{role.value}", None, opts)

def cluster(names, etcd="3.6.16", kubernetes="1.35.6"):
    members = [SimpleNamespace(name=name, address="10.0.0.1") for name in names]
    for kind, role, version in ((Etcd, Role.ETCD, etcd), (ControlPlane, Role.CONTROL_PLANE, kubernetes)):
        args = MembersArgs(
            machines={name: name for name in names},
            members=members,
            bundles={(name, role): None for name in names},
            secrets={},
            provider=Provider(),
            version=version,
        )
        kind(f"cluster-{role.value}", args)
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Return a stack whose members and versions each test sets first."""
    home = tmp_path_factory.getbasetemp() / "pulumi-home"
    directory = tmp_path_factory.mktemp("stack")
    return create_stack(directory, home, [], head=HEAD, variables={"PYTHONPATH": str(CHECKOUT)})


def deploy(stack: Program, text: str) -> None:
    stack.program(f"{text}\n")
    stack.up()


def error_line(output: str, text: str) -> str:
    """Return the only error with this text."""
    lines = [line.strip() for line in output.splitlines()]
    (line,) = {line for line in lines if line.startswith("error:") and text in line}
    return line


def test_state_of_an_earlier_release_is_accepted(stack: Program) -> None:
    """Components of 0.1.0 have no inputs. Recording inputs is an update, not a replacement."""
    deploy(stack, "pulumi.ComponentResource('kubewright:index:Etcd', 'cluster-etcd')")
    stack.program("cluster('abc')\n")
    assert "replace" not in stack.run("preview")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("cluster('ade')", "etcd.hosts: only 1 of 3 members would remain (a), fewer than the quorum of 2"),
        (
            "cluster('abc', kubernetes='1.37.0')",
            "kubernetes.version: 1.35.6 cannot become 1.37.0 in one step",
        ),
        ("cluster('abc', etcd='3.8.0')", "kubernetes.etcd: 3.6.16 cannot become 3.8.0 in one step"),
    ],
)
def test_preview_refuses_a_change_that_a_cluster_does_not_survive(
    stack: Program, change: str, error: str
) -> None:
    deploy(stack, "cluster('abc')")
    stack.program(f"{change}\n")
    output = stack.run("preview", fails=True)
    assert "run `up` after each" in error_line(output, error)
    assert "Traceback" not in output


def test_update_does_not_move_etcd_as_a_whole(stack: Program) -> None:
    deploy(stack, "cluster('abc')")
    stack.program("cluster('def')\n")
    for words in ((), ("--continue-on-error",)):
        output = stack.run("up", "--yes", "--skip-preview", *words, fails=True)
        assert error_line(output, "etcd.hosts: none of the members a, b, c remains")
        state = stack.run("stack", "export")
        assert "c-etcd" in state
        assert "d-etcd" not in state


def test_supported_changes_are_made(stack: Program) -> None:
    for change in (
        "cluster('abc')",
        "cluster('abcde', etcd='3.7.3', kubernetes='1.36.3')",
        # After a failed upgrade the old version is requested again; hosts decide whether they can go back.
        "cluster('bde')",
        "cluster('e')",
    ):
        deploy(stack, change)
    stack.assert_unchanged()
