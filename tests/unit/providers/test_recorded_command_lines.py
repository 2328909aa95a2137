"""Tests that command lines in states of earlier releases still work.

The engine runs `delete` of a resource as its last `up` wrote it into the state. After an upgrade of this
repository such a line runs with the current programs, until the next `up` writes the current line.
"""

from __future__ import annotations

import shlex
from importlib.util import find_spec

import pytest

from providers.aws.wait import parse_arguments as parse_aws_arguments
from providers.azure.wait import parse_arguments as parse_azure_arguments

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
"""Command lines on AWS by release and command, as the release rendered them."""

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
"""Command lines on Azure by release and command, as the release rendered them."""


def arguments(line: str, module: str) -> list[str]:
    """Return the arguments of a command line that runs the module."""
    words = shlex.split(line)
    assert words[:4] == ["exec", "python3", "-m", module]
    assert find_spec(module) is not None, "the module of the command line no longer exists"
    return words[4:]


@pytest.mark.parametrize("release", AWS_LINES)
@pytest.mark.parametrize("command", ["gate", "roll", "pool", "leave"])
def test_command_lines_on_aws(release: str, command: str) -> None:
    args = parse_aws_arguments(arguments(AWS_LINES[release][command], "providers.aws.wait"))
    assert args.command == command
    assert (args.region, args.bucket) == ("eu-central-1", "prod-store-1a2b")
    if command == "leave":
        assert (args.group, args.leave_key, args.left_key, args.seconds) == (
            "cp-1-group",
            "members/control-plane/cp-1/leave",
            f"{_STATUS}/left",
            900,
        )


@pytest.mark.parametrize("release", AZURE_LINES)
@pytest.mark.parametrize("command", ["gate", "roll", "pool", "leave"])
def test_command_lines_on_azure(release: str, command: str) -> None:
    args = parse_azure_arguments(arguments(AZURE_LINES[release][command], "providers.azure.wait"))
    assert args.command == command
    assert args.statuses == "https://store.blob.example.com/status-members-cp-1"
    if command == "leave":
        assert (args.objects, args.leave_key, args.left_key, args.seconds) == (
            "https://store.blob.example.com/members-cp-1",
            "members/control-plane/cp-1/leave",
            f"{_STATUS}/left",
            900,
        )
