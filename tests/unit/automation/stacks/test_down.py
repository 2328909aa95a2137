"""`down` takes nothing away from under somebody who works on the stack, and works on a fresh machine."""

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
from automation.stacks.driver import Action, Outcome, Result
from lab import stack as lab


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    return Environment(state=tmp_path / "state", cache=tmp_path / "cache")


def _file(tmp_path: Path, config: dict[str, object]) -> Path:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(json.dumps({"config": config}))
    return path


def _no_hosts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    gone: list[str] = []
    monkeypatch.setattr(lab, "down", gone.append)
    return gone


def test_hosts_stay_while_somebody_works_on_them(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = _no_hosts(monkeypatch)
    locks = environment.state / "backend/.pulumi/locks/organization/kubewright/x"
    locks.mkdir(parents=True)
    holder = {"pid": os.getpid(), "username": "ann", "hostname": socket.gethostname(), "timestamp": "now"}
    (locks / "0.json").write_text(json.dumps(holder))
    file = _file(tmp_path, {"kubewright:lab": {"network": "10.9.0.0/24"}})
    with pytest.raises(UserError, match=r"ann@.* works on it"):
        actions.down(environment, "x", file)
    assert gone == []
    assert not workspace.prepare(environment=environment, stack="x", source=file).going.exists()


def test_without_the_engine_it_says_what_to_do(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = _no_hosts(monkeypatch)
    file = _file(tmp_path, {"kubewright:lab": {"network": "10.9.0.0/24"}})
    with pytest.raises(UserError, match=r"pulumi: not there; `./kubewright prepare`"):
        actions.down(environment, "x", file)
    assert gone == ["x"]


def test_a_stack_of_real_hosts_is_prepared_and_freed_of_a_killed_engines_lock(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def run_action(action: Action, engine: Engine, *_: object, **__: object) -> Result:
        done.append(action.value)
        return Result(stack=engine.workspace.stack, action=action, code=Outcome.CHANGES)

    monkeypatch.setattr(prepare, "prepare_machine", lambda *_: done.append("tools"))
    monkeypatch.setattr(Engine, "select", lambda _: done.append("select"))
    monkeypatch.setattr(driver, "run_action", run_action)
    assert actions.down(environment, "x", _file(tmp_path, {})) == 0
    assert done == ["tools", "select", "destroy"]
