"""Tests of the file with logins that exists during a run of the engine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from automation.engine.program import Engine
from automation.engine.registry_login import logged_in
from automation.environment import Environment
from automation.workspace import Workspace
from settings.registry_logins import HELM_VARIABLE, PLUGIN_VARIABLE
from testkit.stackfile import CLUSTER
from tests.unit.components.graph import cluster_config

LOGIN = {"username": "ci", "password": "hunter22"}
RELEASE = {"chart": "oci://registry.example/web", "version": "1.0.0"}


def engine_of(directory: Path, release: dict[str, Any]) -> Engine:

    config = {CLUSTER: cluster_config(directory, workers=0, helm_releases={"web": release})}
    environment = Environment(directory / "state", directory / "cache")
    work = directory / "work"
    work.mkdir()
    return Engine(environment, Workspace("dev", work, config))


def files(engine: Engine) -> list[Path]:
    return list(engine.workspace.directory.glob("registries-*"))


def test_file_with_logins_is_private_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps({"auths": {"other.example": {"auth": "eDp5"}}}))
    monkeypatch.setenv(HELM_VARIABLE, str(mine))
    monkeypatch.delenv(PLUGIN_VARIABLE, raising=False)
    engine = engine_of(tmp_path, RELEASE | {"repository": LOGIN})
    with logged_in(engine) as with_logins:
        file = Path(with_logins.more_variables[PLUGIN_VARIABLE])
        assert with_logins.variables()[HELM_VARIABLE] == str(file)
        assert set(json.loads(file.read_text())["auths"]) == {"other.example", "registry.example"}
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        assert "hunter22" not in " ".join(with_logins.variables().values())
    assert files(engine) == []


@pytest.mark.parametrize("release", [RELEASE, {"chart": "./lab/charts/hello"}])
def test_stack_without_logins_has_no_file(tmp_path: Path, release: dict[str, Any]) -> None:
    engine = engine_of(tmp_path, release)
    with logged_in(engine) as with_logins:
        assert with_logins is engine
        assert files(engine) == []


def test_files_of_killed_runs_are_removed_and_those_of_running_processes_remain(tmp_path: Path) -> None:
    engine = engine_of(tmp_path, RELEASE)
    for name in ("registries-999999999-a", f"registries-{os.getpid()}-b"):
        (engine.workspace.directory / name).mkdir()
    with logged_in(engine):
        assert [file.name for file in files(engine)] == [f"registries-{os.getpid()}-b"]
