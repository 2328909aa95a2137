"""Tests of an engine that fails before its first event."""

from __future__ import annotations

from pathlib import Path

import pytest

from automation.engine.program import Engine
from automation.environment import Environment
from automation.errors import UserError
from automation.stacks import driver
from automation.stacks.events import Message
from automation.stacks.result import Action, Options, Outcome
from automation.workspace import Workspace

# Every test chooses the call that fails.
ENGINE = """#!/bin/sh
case "$*" in
*version*) echo v3.259.0 ;;
*"{call}"*) printf '%s\\n' 'error: the backend: marked-S3cret' 'caused by: no route to host' >&2; exit 255 ;;
*) echo '{{}}' ;;
esac
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Engine:
    environment = Environment(state=tmp_path / "state", cache=tmp_path / "cache")
    environment.tools.mkdir(parents=True)
    program = environment.tools / "pulumi"
    program.write_text(ENGINE.format(call=request.param))
    program.chmod(0o755)
    monkeypatch.setenv("SOME_TOKEN", "marked-S3cret")
    (tmp_path / "Pulumi.yaml").write_text("name: kubewright\nruntime: python\n")
    return Engine(environment, Workspace("x", tmp_path, {}))


@pytest.mark.parametrize("engine", ["preview"], indirect=True)
def test_engine_message_is_shown_once_and_becomes_an_event(engine: Engine) -> None:
    shown: list[str] = []
    result = driver.run_action(Action.PREVIEW, engine, Options(), show=shown.append)
    assert result.outcome is Outcome.FAILED
    (error,) = result.errors
    assert error == "stack x: the backend: [secret]\ncaused by: no route to host"
    assert [event.text for event in result.events if isinstance(event, Message)] == [error]
    assert "\n".join(shown).count("caused by: no route to host") == 1
    assert "marked-S3cret" not in "\n".join(shown)


@pytest.mark.parametrize("engine", ["stack output"], indirect=True)
def test_unreadable_outputs_are_one_error(engine: Engine) -> None:
    with pytest.raises(UserError) as raised:
        driver.masked_outputs(engine)
    assert str(raised.value) == "stack x: the backend: [secret]\ncaused by: no route to host"
