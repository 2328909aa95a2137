"""Tests of commands on the deployer."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import UNKNOWN
from tests.unit.lab.plugins.command.plugin import CommandPlugin, run


@pytest.fixture
def local() -> CommandPlugin:
    """Return the command plugin with a resource for a command on the deployer."""
    return CommandPlugin("command:local:Command")


def test_local_command_returns_its_output(local: CommandPlugin) -> None:
    identity, state = local.create({"create": "cat; echo more; echo fault >&2", "stdin": "in\n"})
    assert state["stdout"] == "in\nmore"
    assert state["stderr"] == "fault"
    assert identity.startswith("thing")
    assert sorted(local.log.lines) == ["fault", "in", "more"]


@pytest.mark.parametrize(
    ("logging", "shown"),
    [("none", []), ("stdout", ["out"]), ("stderr", ["err"]), ("stdoutAndStderr", ["err", "out"])],
)
def test_logging_selects_the_streams_in_the_log(local: CommandPlugin, logging: str, shown: list[str]) -> None:
    local.create({"create": "printf out; printf err >&2", "logging": logging})
    assert sorted(local.log.lines) == shown


def test_error_of_a_command_has_status_command_and_output_but_not_the_input(local: CommandPlugin) -> None:
    with pytest.raises(PluginError) as caught:
        local.create({"create": "cat >/dev/null; echo why; exit 7", "stdin": "swordfish"})
    assert str(caught.value) == 'exit status 7: running "cat >/dev/null; echo why; exit 7":\nwhy\n'


def test_error_of_a_killed_command_names_the_signal(local: CommandPlugin) -> None:
    with pytest.raises(PluginError, match="signal: SIGKILL"):
        local.create({"create": "kill -KILL $$"})


def test_command_uses_environment_directory_and_interpreter(local: CommandPlugin, tmp_path: Path) -> None:
    _, state = local.create(
        {
            "create": "import os; print(os.environ['A'], os.getcwd())",
            "interpreter": ["python3", "-c"],
            "environment": {"A": "b"},
            "dir": str(tmp_path),
        }
    )
    assert state["stdout"] == f"b {tmp_path}"


def test_matching_files_become_assets(local: CommandPlugin, tmp_path: Path) -> None:
    _, state = local.create(
        {
            "create": "mkdir -p a/b; touch a/x.js a/b/y.js a/secret.js z.txt",
            "dir": str(tmp_path),
            "assetPaths": ["a/**.js", "!**secret.*"],
            "archivePaths": ["*.{txt,md}"],
        }
    )
    assert sorted(state["assets"]) == ["a/b/y.js", "a/x.js"]
    assert list(state["archive"]["assets"]) == ["z.txt"]


def test_update_repeats_create_with_the_previous_output(local: CommandPlugin) -> None:
    _, first = local.create({"create": "echo one"})
    again = local.update(first, {"create": 'echo "was $PULUMI_COMMAND_STDOUT"'})
    assert again["stdout"] == "was one"
    inputs = {"create": 'echo "was $PULUMI_COMMAND_STDOUT"', "addPreviousOutputInEnv": False}
    assert local.update(again, inputs)["stdout"] == "was "


def test_update_prefers_update_command_and_delete_uses_the_state(
    local: CommandPlugin, tmp_path: Path
) -> None:
    _, state = local.create({"delete": f"echo $PULUMI_COMMAND_STDOUT > {tmp_path}/deleted"})
    assert state["stdout"] == ""
    state = local.update(state, {"create": "echo no", "update": "echo yes", "delete": state["delete"]})
    assert state["stdout"] == "yes"
    local.delete(state)
    assert (tmp_path / "deleted").read_text() == "yes\n"


def test_preview_runs_no_command(local: CommandPlugin, tmp_path: Path) -> None:
    _, state = local.create({"create": f"touch {tmp_path}/file"}, preview=True)
    assert not (tmp_path / "file").exists()
    assert state["stdout"] is UNKNOWN
    assert state["create"] == f"touch {tmp_path}/file"


def test_function_runs_the_command_immediately(local: CommandPlugin) -> None:
    result = run(local.provider.invoke("command:local:run", {"command": "echo now"}, preview=False))
    assert result["stdout"] == "now"


def test_refresh_returns_the_state_and_runs_no_command(local: CommandPlugin, tmp_path: Path) -> None:
    inputs = {"create": f"echo run >> {tmp_path}/runs", "update": f"echo update >> {tmp_path}/runs"}
    identity, state = local.create(inputs)
    read = run(local.provider.read(local.urn, identity, state, local.inputs(inputs)))
    assert read == (state, local.inputs(inputs))
    assert (tmp_path / "runs").read_text() == "run\n"


def test_import_of_a_command_is_refused(local: CommandPlugin) -> None:
    with pytest.raises(PluginError, match="cannot be imported"):
        run(local.provider.read(local.urn, "thing", {}, {}))
