"""Tests of `down` for stacks in use, and on a machine without tools."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from automation import prepare, workspace
from automation.engine.program import Engine
from automation.environment import Environment
from automation.errors import UserError
from automation.stacks import actions, driver
from automation.stacks.result import Action, Outcome, Result
from lab import lifecycle as lab
from lab.plugins.kinds import Installed


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    return Environment(state=tmp_path / "state", cache=tmp_path / "cache")


def _write_stack_file(tmp_path: Path, config: dict[str, object]) -> Path:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(json.dumps({"config": config}))
    return path


def _record_removed_labs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    removed_labs: list[str] = []
    monkeypatch.setattr(lab, "down", removed_labs.append)
    return removed_labs


def test_hosts_of_a_stack_in_use_are_not_removed(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed_labs = _record_removed_labs(monkeypatch)
    locks = environment.state / "backend/.pulumi/locks/organization/kubewright/x"
    locks.mkdir(parents=True)
    holder = {"pid": os.getpid(), "username": "ann", "hostname": socket.gethostname(), "timestamp": "now"}
    (locks / "0.json").write_text(json.dumps(holder))
    file = _write_stack_file(tmp_path, {"kubewright:lab": {"network": "10.9.0.0/24"}})
    with pytest.raises(UserError, match=r"in use by ann@"):
        actions.down(environment, "x", file)
    assert removed_labs == []
    assert not workspace.prepare(environment=environment, stack="x", source=file).removal_marker.exists()


def test_missing_engine_is_reported_with_the_command_that_installs_it(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed_labs = _record_removed_labs(monkeypatch)
    file = _write_stack_file(tmp_path, {"kubewright:lab": {"network": "10.9.0.0/24"}})
    with pytest.raises(UserError, match=r"pulumi: missing; run `./kubewright prepare`"):
        actions.down(environment, "x", file)
    assert removed_labs == ["x"]


def test_stack_of_real_hosts_is_prepared_and_selected_before_it_is_destroyed(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def run_action(action: Action, engine: Engine, *_: object, **__: object) -> Result:
        calls.append(action.value)
        return Result(stack=engine.workspace.stack, action=action, outcome=Outcome.CHANGES)

    def install_tools(*_: object) -> dict[str, Path]:
        calls.append("tools")
        return {"pulumi": tmp_path / "pulumi"}

    def install_plugins(*_: object) -> list[Installed]:
        calls.append("plugins")
        return []

    monkeypatch.setattr(prepare, "install_tools", install_tools)
    monkeypatch.setattr(prepare, "install", install_plugins)
    monkeypatch.setattr(Engine, "select", lambda _: calls.append("select"))
    monkeypatch.setattr(Engine, "capture", lambda *_: '{"deployment": null}')
    monkeypatch.setattr(driver, "run_action", run_action)
    assert actions.down(environment, "x", _write_stack_file(tmp_path, {})) == 0
    assert calls == ["tools", "plugins", "select", "destroy"]
