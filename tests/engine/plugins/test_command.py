"""Tests of the command plugin: commands and copies over SSH, and local commands."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from lab.plugins.runtime.values import UNKNOWN, Secret, reveal
from testkit.plugin_process import OperationFailed, Plugin
from tests.engine.plugins.conftest import Plugins
from tests.unit.lab.plugins.command.sshd import SshHost

REMOTE, LOCAL = "command:remote:Command", "command:local:Command"
NOWHERE: dict[str, Any] = {"host": "192.0.2.1", "privateKey": Secret("key"), "password": "word"}
BASE: dict[str, Any] = {"connection": NOWHERE, "triggers": ["a"], "environment": {"A": "b"}}


@pytest.mark.parametrize(
    ("key", "value"), [("user", "root"), ("port", 22), ("dialErrorLimit", 10), ("perDialTimeout", 15)]
)
def test_default_of_a_connection(command: Plugin, key: str, value: object) -> None:
    assert reveal(command.check(REMOTE, BASE)["connection"])[key] == value


def test_connection_is_a_secret(command: Plugin) -> None:
    assert isinstance(command.check(REMOTE, BASE)["connection"], Secret)


@pytest.mark.parametrize("key", ["privateKey", "password"])
def test_keys_and_passwords_of_a_connection_are_secrets(command: Plugin, key: str) -> None:
    assert isinstance(command.check(REMOTE, BASE)["connection"].value[key], Secret)


def test_previous_output_is_added_to_the_environment_by_default(command: Plugin) -> None:
    assert command.check(REMOTE, BASE)["addPreviousOutputInEnv"] is True


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"connection": {"user": "root"}}, "host"),
        ({"connection": NOWHERE | {"port": "twenty-two"}}, "port"),
        ({"create": ["a"]}, "create"),
        ({"crate": "a"}, "crate"),
    ],
    ids=["missing host", "wrong type in a connection", "wrong type", "unknown input"],
)
def test_wrong_input_is_refused_with_its_name(command: Plugin, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(OperationFailed, match=field):
        command.check(REMOTE, BASE | wrong)


@pytest.mark.parametrize(
    ("change", "changed", "replaces"),
    [
        ({}, False, False),
        ({"update": "true"}, True, False),
        ({"environment": {"A": "c"}}, True, False),
        ({"connection": NOWHERE | {"privateKey": Secret("other")}}, True, False),
        ({"triggers": ["b"]}, True, True),
        ({"triggers": ["a", "b"]}, True, True),
    ],
    ids=["nothing", "command", "environment", "private key", "trigger", "another trigger"],
)
def test_change_of_a_command(command: Plugin, change: dict[str, Any], changed: bool, replaces: bool) -> None:
    old = command.create(REMOTE, BASE)
    difference = command.diff(REMOTE, old, BASE | change)
    assert (difference.changed, difference.replaces, difference.delete_first) == (changed, replaces, False)


def test_command_reads_its_input_and_returns_its_output(command: Plugin, host: SshHost) -> None:
    inputs = {"connection": host.connection(), "create": "cat; echo e >&2", "stdin": "text\n"}
    state = command.create(REMOTE, inputs).state
    assert (state["stdout"], state["stderr"]) == ("text", "e")


def test_preview_runs_no_command(command: Plugin) -> None:
    state = command.create(REMOTE, BASE | {"create": "true"}, preview=True).state
    assert state.get("stdout") in (None, UNKNOWN, "")


@pytest.mark.parametrize(
    ("line", "text"), [("echo why; exit 3", "Process exited with status 3"), ("hang up", "")]
)
def test_error_of_a_command_quotes_the_command(command: Plugin, host: SshHost, line: str, text: str) -> None:
    with pytest.raises(OperationFailed) as caught:
        command.create(REMOTE, {"connection": host.connection(), "create": line})
    assert text in str(caught.value)
    assert f': running "{line}"' in str(caught.value)


def test_update_receives_the_output_of_create_and_defaults_to_create(command: Plugin, host: SshHost) -> None:
    inputs = {"connection": host.connection(), "create": 'echo "after [$PULUMI_COMMAND_STDOUT]"'}
    created = command.create(REMOTE, inputs)
    assert created.state["stdout"] == "after []"
    again = command.update(REMOTE, created, inputs | {"stdin": "x"})
    assert again.state["stdout"] == "after [after []]"
    updated = command.update(REMOTE, created, inputs | {"update": "echo updated"})
    assert updated.state["stdout"] == "updated"


def test_delete_runs_on_the_host_in_the_state(command: Plugin, host: SshHost, tmp_path: Path) -> None:
    inputs = {"connection": host.connection(), "delete": f"cat > {tmp_path}/deleted", "stdin": "bye"}
    command.delete(REMOTE, command.create(REMOTE, inputs))
    assert (tmp_path / "deleted").read_text() == "bye"


def test_unreachable_host_fails_after_the_limit_of_attempts(command: Plugin) -> None:
    connection = {"host": "127.0.0.1", "port": 9, "dialErrorLimit": 1, "perDialTimeout": 2}
    with pytest.raises(OperationFailed, match="failed attempts"):
        command.create(REMOTE, {"connection": connection, "create": "true"})


def test_wrong_host_key_is_refused(command: Plugin, host: SshHost) -> None:
    with SshHost() as other:
        key = other.connection()["hostKey"]
    with pytest.raises(OperationFailed, match="failed attempts"):
        command.create(REMOTE, {"connection": host.connection(hostKey=key), "create": "true"})


def test_timeout_does_not_end_a_command_on_a_host(command: Plugin, host: SshHost) -> None:
    inputs = {"connection": host.connection(), "create": "sleep 3; echo done"}
    assert command.create(REMOTE, inputs, timeout=1).state["stdout"] == "done"


def test_timeout_ends_a_local_command(command: Plugin) -> None:
    with pytest.raises(OperationFailed):
        command.create(LOCAL, {"create": "exec sleep 60"}, timeout=1)


def test_cancel_does_not_end_a_command_on_a_host(plugins: Plugins, host: SshHost, tmp_path: Path) -> None:
    command = _configured(plugins)
    inputs = {"connection": host.connection(), "create": f"touch {tmp_path}/on; sleep 3; echo done"}
    running = command.start_create(REMOTE, inputs)
    _await_file(tmp_path / "on")
    command.cancel()
    assert running.result(60).state["stdout"] == "done"


def test_cancel_ends_a_local_command(plugins: Plugins, tmp_path: Path) -> None:
    command = _configured(plugins)
    running = command.start_create(LOCAL, {"create": f"touch {tmp_path}/on; exec sleep 60"})
    _await_file(tmp_path / "on")
    command.cancel()
    with pytest.raises(OperationFailed):
        running.result(30)


def test_cancel_ends_the_attempts_to_connect(plugins: Plugins) -> None:
    command = _configured(plugins)
    connection = {"host": "127.0.0.1", "port": 9, "dialErrorLimit": -1}
    running = command.start_create(REMOTE, {"connection": connection, "create": "true"})
    time.sleep(1)
    command.cancel()
    with pytest.raises(OperationFailed):
        running.result(60)


def test_local_command_has_a_directory_an_interpreter_and_an_environment(
    command: Plugin, tmp_path: Path
) -> None:
    inputs = {
        "create": 'pwd; echo "$A"',
        "dir": str(tmp_path),
        "interpreter": ["/bin/sh", "-c"],
        "environment": {"A": "b"},
    }
    assert command.create(LOCAL, inputs).state["stdout"] == f"{tmp_path}\nb"


def test_local_command_collects_files(command: Plugin, tmp_path: Path) -> None:
    inputs = {"create": "touch a.txt b.md", "dir": str(tmp_path), "assetPaths": ["*.txt"]}
    assert list(command.create(LOCAL, inputs).state["assets"]) == ["a.txt"]


def test_function_runs_a_local_command(command: Plugin) -> None:
    assert command.invoke("command:local:run", {"command": "echo now"})["stdout"] == "now"


def _configured(plugins: Plugins) -> Plugin:
    plugin = plugins.start("command")
    plugin.configure()
    return plugin


def _await_file(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} does not appear"
        time.sleep(0.05)
