"""Tests of checks and diffs of the inputs of remote commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab.plugins.runtime.values import UNKNOWN, Secret, reveal
from tests.unit.lab.plugins.command.plugin import CommandPlugin

CONNECTION = {"host": "h", "privateKey": "k"}


def test_connection_gets_defaults_and_is_secret(remote: CommandPlugin) -> None:
    inputs = remote.inputs({"connection": CONNECTION | {"proxy": {"host": "p"}}})
    assert isinstance(inputs["connection"], Secret)
    defaults = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
    assert reveal(inputs["connection"]) == defaults | CONNECTION | {"proxy": defaults | {"host": "p"}}
    assert inputs["addPreviousOutputInEnv"] is True


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
def test_error_names_the_wrong_input(remote: CommandPlugin, inputs: Mapping[str, Any], field: str) -> None:
    assert remote.failed_fields(inputs) == [field]


def test_unknown_connection_is_accepted(remote: CommandPlugin) -> None:
    assert reveal(remote.inputs({"connection": UNKNOWN})["connection"]) is UNKNOWN
    assert reveal(remote.inputs({"connection": {"host": UNKNOWN}})["connection"])["host"] is UNKNOWN


def test_only_triggers_replace_and_unchanged_inputs_have_no_diff(remote: CommandPlugin) -> None:
    inputs = {"connection": CONNECTION, "create": "a", "stdin": "s", "triggers": ["1"]}
    state = remote.inputs(inputs) | {"stdout": "x", "stderr": ""}
    assert remote.diff(state, inputs).changes == {}
    changed = remote.diff(state, inputs | {"create": "b", "connection": CONNECTION | {"host": "i"}})
    assert (changed.changed, changed.replaces) == (["connection", "create"], [])
    assert remote.diff(state, inputs | {"triggers": ["2"]}).replaces == ["triggers"]
