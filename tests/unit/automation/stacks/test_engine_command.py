"""Tests that commands which pass on the output of the engine mask secrets in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automation.engine.program import Engine
from automation.environment import Environment
from automation.stacks import actions
from automation.stacks.preflight import rotation, upgrade
from automation.workspace import Workspace

ENGINE = """#!/bin/sh
echo "error: ssh: marked-S3cret was refused"
"""


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Return an environment with a stack. `use_engine` sets the program of the engine."""
    environment = Environment(state=tmp_path / "state", cache=tmp_path / "cache")
    engine = Engine(environment, Workspace(stack="x", directory=tmp_path, config={}))
    monkeypatch.setattr(actions.StackRequest, "prepare_engine", lambda *_: engine)
    monkeypatch.setattr(rotation, "check", lambda *_: None)
    monkeypatch.setattr(upgrade, "check", lambda *_: None)
    return environment


def use_engine(environment: Environment, text: str) -> None:
    environment.tools.mkdir(parents=True)
    (environment.tools / "pulumi").write_text(text)
    (environment.tools / "pulumi").chmod(0o755)


@pytest.mark.parametrize(("command", "shown"), [("refresh", False), ("stack", True)])
def test_output_of_plugins_is_redacted(
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    shown: bool,
) -> None:
    """Test the redaction of plugin output, which the nightly check copies into an issue."""
    use_engine(environment, ENGINE)
    monkeypatch.setenv("SOME_TOKEN", "marked-S3cret")
    assert actions.run_engine_command(environment, "x", None, [command, "--diff"]) == 0
    assert ("marked-S3cret" in capsys.readouterr().out) is shown


REPORT = {
    "config": {"kubewright:limit": "30000000"},
    "steps": [{"inputs": {"limit": 30000000, "text": "the token is 30000000", "ratio": 0.5, "on": True}}],
    "diagnostics": [{"message": "ssh: password 30000000\n\u001b[31mß\n"}],
}


def test_json_report_remains_json_if_a_secret_is_a_number(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = json.dumps(REPORT, indent=4)
    use_engine(
        environment, f"#!/bin/sh\necho 'warning: 30000000 is old' >&2\ncat <<'E'\n{report}\nE\nexit 3\n"
    )
    monkeypatch.setenv("SOME_TOKEN", "30000000")
    assert actions.print_preview_json(environment, "x", None) == 3
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "config": {"kubewright:limit": "[secret]"},
        "steps": [{"inputs": {"limit": 30000000, "text": "the token is [secret]", "ratio": 0.5, "on": True}}],
        "diagnostics": [{"message": "ssh: password [secret]\n\u001b[31mß\n"}],
    }
    assert captured.err == "warning: [secret] is old\n"


def test_output_that_is_no_report_is_readable(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_engine(environment, ENGINE + "exit 255\n")
    monkeypatch.setenv("SOME_TOKEN", "marked-S3cret")
    assert actions.print_preview_json(environment, "x", None) == 255
    assert capsys.readouterr().out == "error: ssh: [secret] was refused\n"
