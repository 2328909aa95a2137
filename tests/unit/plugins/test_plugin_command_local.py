"""Commands on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental.property_value import PropertyValue as Value
from pulumi.runtime.rpc import UNKNOWN

from lab.plugins.common.errors import ProviderError
from lab.plugins.common.values import plain
from tests.unit.plugins.driving import Plugin, run


@pytest.fixture
def local() -> Plugin:
    return Plugin("command:local:Command")


def test_a_local_command_gives_its_output(local: Plugin) -> None:
    made = local.create({"create": "cat; echo more; echo fault >&2", "stdin": "in\n"})
    assert plain(made.properties["stdout"]) == "in\nmore"
    assert plain(made.properties["stderr"]) == "fault"
    assert made.resource_id is not None
    assert made.resource_id.startswith("thing")
    assert sorted(local.log.lines) == ["fault", "in", "more"]


@pytest.mark.parametrize(
    ("logging", "shown"),
    [("none", []), ("stdout", ["out"]), ("stderr", ["err"]), ("stdoutAndStderr", ["err", "out"])],
)
def test_logging_says_what_is_shown(local: Plugin, logging: str, shown: list[str]) -> None:
    local.create({"create": "printf out; printf err >&2", "logging": logging})
    assert sorted(local.log.lines) == shown


def test_a_failing_command_reports_status_text_and_output_but_not_its_input(local: Plugin) -> None:
    with pytest.raises(ProviderError) as caught:
        local.create({"create": "cat >/dev/null; echo why; exit 7", "stdin": "swordfish"})
    assert str(caught.value) == 'exit status 7: running "cat >/dev/null; echo why; exit 7":\nwhy\n'


def test_a_killed_command_names_the_signal(local: Plugin) -> None:
    with pytest.raises(ProviderError, match="signal: SIGKILL"):
        local.create({"create": "kill -KILL $$"})


def test_environment_directory_and_interpreter(local: Plugin, tmp_path: Path) -> None:
    made = local.create(
        {
            "create": "import os; print(os.environ['A'], os.getcwd())",
            "interpreter": ["python3", "-c"],
            "environment": {"A": "b"},
            "dir": str(tmp_path),
        }
    )
    assert plain(made.properties["stdout"]) == f"b {tmp_path}"


def test_found_files_become_assets(local: Plugin, tmp_path: Path) -> None:
    made = local.create(
        {
            "create": "mkdir -p a/b; touch a/x.js a/b/y.js a/secret.js z.txt",
            "dir": str(tmp_path),
            "assetPaths": ["a/**.js", "!**secret.*"],
            "archivePaths": ["*.{txt,md}"],
        }
    )
    assert sorted(plain(made.properties["assets"])) == ["a/b/y.js", "a/x.js"]
    archive: Any = made.properties["archive"].value
    assert list(archive.assets) == ["z.txt"]


def test_an_update_runs_create_again_and_sees_the_previous_output(local: Plugin) -> None:
    first = local.create({"create": "echo one"})
    again = local.update(first.properties, {"create": 'echo "was $PULUMI_COMMAND_STDOUT"'})
    assert plain(again["stdout"]) == "was one"
    inputs = {"create": 'echo "was $PULUMI_COMMAND_STDOUT"', "addPreviousOutputInEnv": False}
    assert plain(local.update(again, inputs)["stdout"]) == "was "


def test_an_update_prefers_update_and_delete_uses_the_state(local: Plugin, tmp_path: Path) -> None:
    state = local.create({"delete": f"echo $PULUMI_COMMAND_STDOUT > {tmp_path}/gone"}).properties
    assert plain(state["stdout"]) == ""
    state = local.update(state, {"create": "echo no", "update": "echo yes", "delete": plain(state["delete"])})
    assert plain(state["stdout"]) == "yes"
    local.delete(state)
    assert (tmp_path / "gone").read_text() == "yes\n"


def test_a_preview_runs_nothing(local: Plugin, tmp_path: Path) -> None:
    made = local.create({"create": f"touch {tmp_path}/made"}, preview=True)
    assert not (tmp_path / "made").exists()
    assert made.properties["stdout"].value == UNKNOWN
    assert plain(made.properties["create"]) == f"touch {tmp_path}/made"


def test_the_function_runs_at_once(local: Plugin) -> None:
    request = api.InvokeRequest("command:local:run", {"command": Value("echo now")})
    result = run(local.provider.invoke(request)).return_value
    assert result is not None
    assert plain(result["stdout"]) == "now"
