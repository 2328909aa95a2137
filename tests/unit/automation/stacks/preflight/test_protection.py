"""Tests of the preflight check that refuses to delete a cluster with protected resources."""

from __future__ import annotations

import json
from typing import cast

import pytest

from automation.engine.program import Engine
from automation.errors import UserError
from automation.stacks.preflight import protection


class FakeEngine:
    """An engine with a state. `resources` maps the name of each resource to its option `protect`."""

    def __init__(self, resources: dict[str, bool]) -> None:
        self.workspace = self
        self.stack = "prod"
        self._resources = [
            {
                "urn": f"urn:pulumi:prod::kubewright::test:Type::{name}",
                "protect": protect,
            }
            for name, protect in resources.items()
        ]

    def capture(self, command: str, *_: str) -> str:
        assert command == "stack export"
        return json.dumps({"deployment": {"resources": self._resources}})


def check(resources: dict[str, bool]) -> None:
    protection.check(cast(Engine, FakeEngine(resources)))


def test_stack_without_protected_resources_is_accepted() -> None:
    check({})
    check({"cp-1-etcd": False})
    assert protection.protected_resources({"deployment": None}) == []


def test_error_names_the_protected_resources_and_the_command_that_removes_the_protection() -> None:
    resources = {f"key-{number}": True for number in range(7)} | {"cp-1-etcd": False}
    with pytest.raises(UserError) as error:
        check(resources)
    text = str(error.value)
    assert "key-0, key-1, key-2, key-3, key-4 and 2 more; nothing was deleted" in text
    assert "`./kubewright pulumi --stack prod -- state unprotect --all --yes`" in text
