"""Tests that the programs of this version accept the command lines in the states of earlier versions.

To delete a resource, the engine runs the command line that the last `up` wrote into the state. After an
upgrade of Kubewright, this line runs the current programs until the next `up` updates it.
"""

from __future__ import annotations

import shlex
from argparse import Namespace
from importlib.util import find_spec

import pytest

from providers.aws.wait import parse_arguments as parse_aws_arguments
from providers.azure.wait import parse_arguments as parse_azure_arguments

COMMANDS = ("gate", "roll", "pool", "leave")
_AWS_OPTIONS = (
    "--region eu-central-1 --s3 https://s3.example.com --autoscaling https://autoscaling.example.com "
    "--ca-file /etc/ca.crt --bucket prod-store-1a2b"
)
_STATUS = "status/members/control-plane/cp-1"
AWS_LINES = {
    "e084926": {
        "gate": f"exec python3 -m providers.aws.wait {_AWS_OPTIONS} --seconds 2400 --digest d1 "
        f"gate {_STATUS}/etcd {_STATUS}/node",
        "roll": f"exec python3 -m providers.aws.wait {_AWS_OPTIONS} --seconds 2400 --digest d1 --version 3 "
        f"--beside cp-2-group=status/members/control-plane/cp-2/etcd roll cp-1-group {_STATUS}/etcd",
        "pool": f"exec python3 -m providers.aws.wait {_AWS_OPTIONS} --seconds 3300 --digest d1 --version 3 "
        "pool general status/pools/general/ node",
        "leave": f"exec python3 -m providers.aws.wait {_AWS_OPTIONS} --seconds 900 "
        f"leave cp-1-group members/control-plane/cp-1/leave {_STATUS}/left",
    }
}
"""Command lines on AWS by commit and command, as the commit rendered them."""

_AZURE_OPTIONS = "--statuses https://store.blob.example.com/status-members-cp-1"
AZURE_LINES = {
    "e084926": {
        "gate": f"exec python3 -m providers.azure.wait {_AZURE_OPTIONS} --seconds 2400 --ca-file /etc/ca.crt "
        f"gate d1 {_STATUS}/etcd",
        "roll": f"exec python3 -m providers.azure.wait {_AZURE_OPTIONS} --seconds 2400 --ca-file /etc/ca.crt "
        f"--described d2 roll /subscriptions/s/vm/cp-1 d1 {_STATUS}/etcd {_STATUS}/node",
        "pool": f"exec python3 -m providers.azure.wait {_AZURE_OPTIONS} --seconds 3300 --ca-file /etc/ca.crt "
        "--described d2 pool d1 status/pools/general/ node /subscriptions/s/vmss/general",
        "leave": f"exec python3 -m providers.azure.wait {_AZURE_OPTIONS} --seconds 900 --ca-file /etc/ca.crt "
        "leave https://store.blob.example.com/members-cp-1 members/control-plane/cp-1/leave "
        f"{_STATUS}/left",
    }
}
"""Command lines on Azure by commit and command, as the commit rendered them."""


def arguments(line: str, module: str) -> list[str]:
    """Return the arguments of a command line that runs the module."""
    words = shlex.split(line)
    assert words[:4] == ["exec", "python3", "-m", module]
    assert find_spec(module) is not None, "the module of the command line no longer exists"
    return words[4:]


def assert_leave_arguments(args: Namespace, target: str, expected: str) -> None:
    """Assert the arguments of the command `leave`. `target` is the argument with the expected target."""
    assert (getattr(args, target), args.leave_key, args.left_key, args.seconds) == (
        expected,
        "members/control-plane/cp-1/leave",
        f"{_STATUS}/left",
        900,
    )


@pytest.mark.parametrize("commit", AWS_LINES)
@pytest.mark.parametrize("command", COMMANDS)
def test_recorded_command_line_on_aws_is_accepted(commit: str, command: str) -> None:
    args = parse_aws_arguments(arguments(AWS_LINES[commit][command], "providers.aws.wait"))
    assert args.command == command
    assert (args.region, args.bucket) == ("eu-central-1", "prod-store-1a2b")
    if command == "leave":
        assert_leave_arguments(args, "group", "cp-1-group")


@pytest.mark.parametrize("commit", AZURE_LINES)
@pytest.mark.parametrize("command", COMMANDS)
def test_recorded_command_line_on_azure_is_accepted(commit: str, command: str) -> None:
    args = parse_azure_arguments(arguments(AZURE_LINES[commit][command], "providers.azure.wait"))
    assert args.command == command
    assert args.statuses == "https://store.blob.example.com/status-members-cp-1"
    if command == "leave":
        assert_leave_arguments(args, "objects", "https://store.blob.example.com/members-cp-1")
