"""Tests that `kubewright pulumi -- ...` redacts the output of commands that print resources."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.engine.program import Engine
from automation.environment import Environment
from automation.stacks import actions
from automation.workspace import Workspace

ENGINE = """#!/bin/sh
echo "error: ssh: marked-S3cret was refused"
"""


@pytest.mark.parametrize(("command", "shown"), [("refresh", False), ("stack", True)])
def test_output_of_plugins_is_redacted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    shown: bool,
) -> None:
    """Test the redaction of plugin output, which the nightly check copies into an issue."""
    tools = tmp_path / "cache/bin"
    tools.mkdir(parents=True)
    (tools / "pulumi").write_text(ENGINE)
    (tools / "pulumi").chmod(0o755)
    environment = Environment(state=tmp_path / "state", cache=tmp_path / "cache")
    engine = Engine(environment, Workspace(stack="x", directory=tmp_path, config={}))
    monkeypatch.setenv("SOME_TOKEN", "marked-S3cret")
    monkeypatch.setattr(actions.StackRequest, "prepare_engine", lambda *_: engine)
    assert actions.run_engine_command(environment, "x", None, [command, "--diff"]) == 0
    assert ("marked-S3cret" in capsys.readouterr().out) is shown
