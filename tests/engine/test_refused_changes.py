"""Tests with the real engine, without the driver: unsafe changes of a cluster are errors in `preview` and
`up`.
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
from components.refused_changes import encryption_inputs
from topology.model import Role
from topology.rotations import Certificates, Rotation

# As in the real program: after a failed resource, the engine reports the error and interrupts the program.
signal.signal(signal.SIGINT, signal.SIG_DFL)

class Provider:
    def member(self, machine, role, bundle, secrets, opts):
        return pulumi.ComponentResource("test:Member", f"{machine}-{role.value}", None, opts)

def cluster(names, etcd="3.6.16", kubernetes="1.35.6", key=None):
    members = [SimpleNamespace(name=name, address="10.0.0.1") for name in names]
    for kind, role, version in ((Etcd, Role.ETCD, etcd), (ControlPlane, Role.CONTROL_PLANE, kubernetes)):
        args = MembersArgs(
            machines={name: name for name in names},
            members=members,
            bundles={(name, role): None for name in names},
            secrets={},
            provider=Provider(),
            version=version,
            recorded=encryption_inputs(Certificates(rotations=(("encryption", key),) if key else ())),
        )
        kind(f"cluster-{role.value}", args)
"""


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Return an empty stack. Each test first deploys the members and versions that it needs."""
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


def test_state_without_recorded_inputs_is_accepted(stack: Program) -> None:
    """Version 0.1.0 recorded no inputs. The first recorded inputs are an update and not a replacement."""
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
def test_preview_refuses_an_unsafe_change(stack: Program, change: str, error: str) -> None:
    deploy(stack, "cluster('abc')")
    stack.program(f"{change}\n")
    output = stack.run("preview", fails=True)
    assert "run `up` after each" in error_line(output, error)
    assert "Traceback" not in output


def test_update_refuses_to_replace_all_etcd_members(stack: Program) -> None:
    deploy(stack, "cluster('abc')")
    stack.program("cluster('def')\n")
    for words in ((), ("--continue-on-error",)):
        output = stack.run("up", "--yes", "--skip-preview", *words, fails=True)
        assert error_line(output, "etcd.hosts: none of the members a, b, c remains")
        state = stack.run("stack", "export")
        assert "c-etcd" in state
        assert "d-etcd" not in state


def test_a_skipped_stage_of_the_encryption_is_refused_and_the_next_stage_is_accepted(stack: Program) -> None:
    trust, sign = "cluster('abc', key=Rotation(1, (1, 2)))", "cluster('abc', key=Rotation(2, (1, 2)))"
    deploy(stack, "cluster('abc')")
    stack.program(f"{sign}\n")
    output = stack.run("preview", fails=True)
    error = "certificates.encryption: requested is that API servers write objects of key2"
    assert "run `up`, then set the stage after it" in error_line(output, error)
    for change in (trust, sign, trust, "cluster('abc')"):
        deploy(stack, change)


def test_supported_changes_are_accepted(stack: Program) -> None:
    for change in (
        "cluster('abc')",
        "cluster('abcde', etcd='3.7.3', kubernetes='1.36.3')",
        # The old version is accepted, because hosts may still have it after a failed upgrade.
        "cluster('bde')",
        "cluster('e')",
    ):
        deploy(stack, change)
    stack.assert_unchanged()
