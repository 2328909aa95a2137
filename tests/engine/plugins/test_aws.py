"""Tests of the aws plugin that need no account: generated names, and the order of replacements."""

from __future__ import annotations

from typing import Any

import pytest

from lab.plugins.runtime.values import Properties
from testkit.plugin_process import CreatedResource, DiffResult, Plugin

ROLE, SUBNET = "aws:iam/role:Role", "aws:ec2/subnet:Subnet"
INPUTS: dict[str, dict[str, Any]] = {
    ROLE: {"assumeRolePolicy": "{}", "path": "/a/"},
    SUBNET: {"vpcId": "vpc-1", "cidrBlock": "10.0.0.0/24"},
}


def change(aws: Plugin, token: str, old: Properties, new: Properties) -> DiffResult:
    """Compare new inputs with a resource that was created from old inputs."""
    inputs = aws.check(token, INPUTS[token] | old)
    return aws.diff(token, CreatedResource("id", inputs, inputs | {"id": "id"}), INPUTS[token] | new)


def test_generated_name_is_recorded_and_kept(aws: Plugin) -> None:
    first = aws.check(ROLE, INPUTS[ROLE])
    assert first["name"].startswith("thing-")
    assert "name" in first["__defaults"]
    assert aws.check(ROLE, INPUTS[ROLE], first)["name"] == first["name"]


def test_explicit_name_is_not_recorded_as_a_default(aws: Plugin) -> None:
    assert "name" not in aws.check(ROLE, INPUTS[ROLE] | {"name": "mine"})["__defaults"]


@pytest.mark.parametrize(
    ("token", "name", "new", "expected"),
    [
        (ROLE, {}, {"path": "/b/"}, DiffResult(changed=True, replaces=True, delete_first=False)),
        (ROLE, {"name": "mine"}, {"path": "/b/"}, DiffResult(changed=True, replaces=True, delete_first=True)),
        (
            ROLE,
            {"namePrefix": "mine"},
            {"path": "/b/"},
            DiffResult(changed=True, replaces=True, delete_first=False),
        ),
        (
            SUBNET,
            {},
            {"cidrBlock": "10.0.1.0/24"},
            DiffResult(changed=True, replaces=True, delete_first=False),
        ),
        (
            ROLE,
            {"name": "mine"},
            {"description": "x"},
            DiffResult(changed=True, replaces=False, delete_first=False),
        ),
    ],
    ids=["generated name", "name", "prefix", "resource without a name", "change in place"],
)
def test_order_of_a_replacement(
    aws: Plugin, token: str, name: Properties, new: Properties, expected: DiffResult
) -> None:
    """Test that two resources never have the same name at the same time."""
    assert change(aws, token, name, name | new) == expected
