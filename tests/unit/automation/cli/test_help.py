"""Tests of the help texts, and of error messages for wrong command lines."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from automation.cli.app import app, run
from automation.environment import CHECKOUT


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401
    """Yield the words and the command object of every command and group below `command`."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


COMMANDS = list(commands(typer.main.get_command(app)))
NAMES = [" ".join(path) for path, _ in COMMANDS]


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=NAMES)
def test_command_has_a_help_text(path: tuple[str, ...], command: Any) -> None:  # noqa: ANN401
    assert command.help, f"{path}: no docstring"
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0
    assert "Usage: " in result.output


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=NAMES)
def test_options_have_a_help_text(path: tuple[str, ...], command: Any) -> None:  # noqa: ANN401
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{path}: {parameter.name} has no help text"


def test_expected_commands_exist() -> None:
    top = {path[0] for path, _ in COMMANDS if path}
    assert top == {
        *("new", "preview", "up", "refresh", "destroy", "down", "pulumi"),
        *("config", "secrets-provider"),
        *("status", "drift", "diagnose", "logs", "cis", "certificates", "encryption"),
        *("outputs", "settings", "plan", "capacity", "conformance"),
        *("repair", "replace", "remove-host", "snapshot", "restore", "copies", "copy-keys", "state"),
        *("user", "kubeconfig", "credential", "comment", "issue", "policy-pack"),
        *("prepare", "mirror", "artifacts", "lab", "lab-status", "image"),
    }


def test_help_lists_all_panels_in_order() -> None:
    output = CliRunner().invoke(app, ["--help"]).output
    panels = ["Change a cluster", "Look at a cluster", "Repair and recover", "Users", "Pull requests"]
    positions = [output.index(panel) for panel in [*panels, "Mirror and lab"]]
    assert positions == sorted(positions)


def test_host_is_an_option_of_every_command() -> None:
    for path, command in COMMANDS:
        for parameter in command.params:
            if parameter.name == "host":
                assert "--host" in parameter.opts, path


def test_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    version = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["version"]
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"kubewright {version}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    result = CliRunner().invoke(app, ["--show-completion", shell], prog_name="kubewright")
    assert "_KUBEWRIGHT_COMPLETE" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["unknown"], "kubewright: no such command 'unknown'; see `kubewright --help`"),
        (["status", "--wrong"], "kubewright status: no such option: --wrong; see `kubewright status --help`"),
        (["replace", "w-1"], "kubewright replace: missing option '--host'; see `kubewright replace --help`"),
        (
            ["lab", "start", "dev", "w-1"],
            "kubewright lab start: missing option '--host'; see `kubewright lab start --help`",
        ),
    ],
)
def test_wrong_command_line_is_reported_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    output = capsys.readouterr()
    assert output.err == f"{message}\n"
    assert output.out == ""
