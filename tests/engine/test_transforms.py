"""Test of the engine bug because of which resources on Azure use `transformations` and not `transforms`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testkit.program import create_stack

_PROGRAM = """
import pulumi
from pulumi_command.local import Command

group = Command("group", create="true")


def transform(args):
    if args.type_ != "command:local:Command":
        return None
    options = pulumi.ResourceOptions(depends_on=[group], deleted_with=group)
    options = pulumi.ResourceOptions.merge(args.opts, options)
    return pulumi.{result}(props=args.props, opts=options)


class Component(pulumi.ComponentResource):
    def __init__(self, options):
        super().__init__("test:index:Component", "component", None, options)
        Command("child", create="true", opts=pulumi.ResourceOptions(parent=self))


Component(pulumi.ResourceOptions({option}=[transform]))
"""


@pytest.mark.parametrize(
    ("option", "result", "keeps_dependencies"),
    [
        ("transformations", "ResourceTransformationResult", True),
        ("transforms", "ResourceTransformResult", False),
    ],
)
def test_only_transformations_add_dependencies_to_children(
    tmp_path: Path, option: str, result: str, keeps_dependencies: bool
) -> None:
    """If this test fails for `transforms`, the engine bug is fixed: use `transforms` in providers/azure."""
    stack = create_stack(tmp_path, tmp_path / "home", ["command"])
    stack.program(_PROGRAM.format(option=option, result=result))
    stack.up()
    resources = json.loads(stack.run("stack", "export"))["deployment"]["resources"]
    urns = {resource["urn"].rpartition("::")[2]: resource for resource in resources}
    child, group = urns["child"], urns["group"]["urn"]
    assert child["deletedWith"] == group
    assert (group in child.get("dependencies", [])) is keeps_dependencies
