"""The interface of resource types, and parts that several types share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from lab.plugins.aws.account import Account
from lab.plugins.aws.parameters import tag_list
from lab.plugins.generic.emulated import EmulatedKind, Missing
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Properties

_POLL_SECONDS = 1.0


class ResourceKind(EmulatedKind[Account]):
    """A resource type of AWS."""


class Ec2Kind(ResourceKind):
    """A resource type of EC2 with tags, whose `describe` lists resources by id.

    `noun` is the resource type of tags. `listing` is the operation, the parameter with ids and the key of the
    list in the response.
    """

    noun: ClassVar[str]
    listing: ClassVar[tuple[str, str, str]]
    in_place: tuple[str, ...] = ("tags",)

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the outputs that `outputs` reads from the description of the resource."""
        operation, parameter, key = self.listing
        found = account.call("ec2", operation, **{parameter: [identity]})[key]
        if not found:
            raise Missing(f"{identity}: not found")
        return self.outputs(account, found[0])

    def outputs(self, account: Account, description: Mapping[str, Any]) -> Properties:
        """Return the generated outputs from the description of a resource in the API."""
        return {}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the tags of the resource, and the inputs that `change` supports."""
        if "tags" in changed:
            replace_ec2_tags(account, identity, inputs)
        if rest := changed - {"tags"}:
            self.change(account, identity, inputs, rest)
        return identity

    def change(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> None:
        """Change other inputs than the tags."""
        super().update(account, identity, inputs, changed)

    def tag_specifications(self, inputs: Properties) -> list[dict[str, Any]]:
        """Return the tags of a new resource as a parameter of the API."""
        tags = tag_list(inputs.get("tags"))
        return [{"ResourceType": self.noun, "Tags": tags}] if tags else []

    def create_tagged(
        self,
        account: Account,
        operation: str,
        inputs: Properties,
        renames: Mapping[str, str] | None = None,
        **parameters: Any,  # noqa: ANN401 — JSON
    ) -> Any:  # noqa: ANN401 — JSON
        """Call the operation that creates the resource, with its tags."""
        rest = without(inputs, "tags")
        specifications = self.tag_specifications(inputs)
        if specifications:
            parameters["TagSpecifications"] = specifications
        return account.create("ec2", operation, rest, renames, **parameters)


def without(inputs: Properties, *names: str) -> Properties:
    """Return the inputs without some names."""
    return {key: value for key, value in inputs.items() if key not in names}


def replace_ec2_tags(account: Account, identity: str, inputs: Properties) -> None:
    """Replace all tags of an EC2 resource by the tags of its inputs."""
    filters = [{"Name": "resource-id", "Values": [identity]}]
    present = {tag["Key"] for tag in account.call("ec2", "DescribeTags", Filters=filters)["Tags"]}
    tags = inputs.get("tags") or {}
    if obsolete := sorted(present - set(tags)):
        account.call("ec2", "DeleteTags", Resources=[identity], Tags=[{"Key": key} for key in obsolete])
    if tags:
        account.call("ec2", "CreateTags", Resources=[identity], Tags=tag_list(tags))


def arn(account: Account, service: str, resource: str) -> str:
    """Return the ARN of a resource in the region of the account."""
    number = account.call("sts", "GetCallerIdentity")["Account"]
    return f"arn:aws:{service}:{account.region}:{number}:{resource}"


def poll_until(condition: Callable[[], bool], problem: str, seconds: float) -> None:
    """Wait until a condition is true. Raise PluginError with `problem` after the time limit."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise PluginError(f"{problem} within {seconds:.0f} s")
        time.sleep(_POLL_SECONDS)
