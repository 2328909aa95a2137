"""What commands by SSH are given, checked and compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pulumi.provider.experimental.property_value import PropertyValue as Value
from pulumi.runtime.rpc import UNKNOWN

from lab.plugins.common.values import plain
from tests.unit.plugins.driving import Plugin

CONNECTION = {"host": "h", "privateKey": "k"}


def test_a_connection_gets_defaults_and_is_secret(remote: Plugin) -> None:
    inputs = remote.inputs({"connection": CONNECTION | {"proxy": {"host": "p"}}})
    assert inputs["connection"].is_secret
    defaults = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
    assert plain(inputs["connection"]) == defaults | CONNECTION | {"proxy": defaults | {"host": "p"}}
    assert inputs["addPreviousOutputInEnv"] == Value(True)


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({}, "connection"),
        ({"connection": {"user": "root"}}, "connection.host"),
        ({"connection": {"host": "h", "proxy": {"port": 22}}}, "connection.proxy.host"),
        ({"connection": {"host": "h", "port": "22"}}, "connection.port"),
        ({"connection": {"host": "h", "sshPort": 22}}, "connection.sshPort"),
        ({"connection": CONNECTION, "create": ["a"]}, "create"),
        ({"connection": CONNECTION, "crate": "a"}, "crate"),
        ({"connection": CONNECTION, "logging": "all"}, "logging"),
    ],
)
def test_wrong_inputs_are_named(remote: Plugin, inputs: Mapping[str, Any], field: str) -> None:
    failures = remote.check(inputs).failures
    assert failures is not None
    assert [item.property for item in failures] == [field]


def test_an_unknown_connection_is_accepted(remote: Plugin) -> None:
    assert remote.inputs({"connection": UNKNOWN})["connection"].value == UNKNOWN
    assert plain(remote.inputs({"connection": {"host": UNKNOWN}})["connection"])["host"] == UNKNOWN


def test_only_triggers_replace_and_a_state_equals_its_inputs(remote: Plugin) -> None:
    inputs = {"connection": CONNECTION, "create": "a", "stdin": "s", "triggers": ["1"]}
    state = remote.inputs(inputs) | {"stdout": Value("x"), "stderr": Value("")}
    assert remote.diff(state, inputs).changes is False
    changed = remote.diff(state, inputs | {"create": "b", "connection": CONNECTION | {"host": "i"}})
    assert (changed.diffs, changed.replaces) == (["connection", "create"], [])
    assert remote.diff(state, inputs | {"triggers": ["2"]}).replaces == ["triggers"]
