"""Tests that a command installs only the tools and plugins that it uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
import yaml

from artifacts import catalogue
from artifacts.index import Index
from automation import prepare, workspace
from automation.engine.program import Engine
from automation.environment import Environment
from automation.errors import UserError
from automation.prerequisites import Purpose, prerequisites_of
from automation.stacks import actions
from lab import lifecycle as lab
from lab.plugins.install import Installed

AWS: dict[str, Any] = {"aws": {"region": "eu-central-1"}}


def test_stack_needs_only_the_plugin_of_its_own_cloud() -> None:
    common = ("command", "tls", "kubernetes")
    assert prerequisites_of({"metal": {"hosts": {}}}, Purpose.CHANGE, lab=False).plugins == common
    assert prerequisites_of(AWS, Purpose.CHANGE, lab=False).plugins == (*common, "aws")
    assert prerequisites_of({"azure": {"location": "westeurope"}}, Purpose.OTHER, lab=False).plugins == (
        *common,
        "azure-native",
    )


def test_preview_needs_the_engine_and_helm_for_charts() -> None:
    tools = prerequisites_of(AWS, Purpose.PREVIEW, lab=False).tools
    assert tools == ("pulumi", "pulumi-language-python", "pulumi-language-python-exec")
    charts = AWS | {"helm_releases": {"hello": {"chart": "./chart"}}}
    assert "helm" in prerequisites_of(charts, Purpose.PREVIEW, lab=False).tools
    assert set(tools) < set(catalogue.TOOLS)


@pytest.mark.parametrize(
    ("purpose", "has_lab"), [(Purpose.CHANGE, False), (Purpose.OTHER, False), (Purpose.PREVIEW, True)]
)
def test_changes_and_labs_need_every_tool(purpose: Purpose, has_lab: bool) -> None:
    assert prerequisites_of(AWS, purpose, lab=has_lab).tools == catalogue.TOOLS


class FakeMachine:
    """A fake machine that records the installed tools and plugins."""

    def __init__(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch, kind: Literal["official", "stand-in"]
    ) -> None:
        self.environment = Environment(state=directory / "state", cache=directory / "cache")
        self.tools: tuple[str, ...] = ()
        self.plugins: list[str] = []
        self.commands: list[str] = []

        def tools(
            _directory: Path, _cache: object, _progress: object, names: tuple[str, ...]
        ) -> dict[str, Path]:
            self.tools = names
            return {"pulumi": directory / "pulumi"}

        def plugins(_pulumi: Path, _home: Path, names: tuple[str, ...]) -> list[Installed]:
            self.plugins = list(names)
            return [Installed(name, "1.0.0", kind, fresh=False) for name in names]

        def forbidden(*_: object, **__: object) -> Index:
            raise AssertionError("a mirror or a lab was created")

        def run(_: Engine, command: str, *_arguments: str) -> int:
            self.commands.append(command)
            return 0

        monkeypatch.setattr(prepare, "install_tools", tools)
        monkeypatch.setattr(prepare, "install", plugins)
        monkeypatch.setattr("artifacts.mirror.build", forbidden)
        monkeypatch.setattr(lab, "up", forbidden)
        monkeypatch.setattr(Engine, "select", lambda _: None)
        monkeypatch.setattr(Engine, "capture", lambda *_: "{}")
        monkeypatch.setattr(Engine, "run", run)

    def write_stack_file(self, directory: Path) -> Path:
        path = directory / "Pulumi.x.yaml"
        path.write_text(yaml.safe_dump({"config": {"kubewright:cluster": AWS}}))
        return path


def test_preview_of_a_cloud_stack_creates_no_lab_and_no_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = FakeMachine(tmp_path, monkeypatch, "stand-in")
    request = actions.StackRequest(
        environment=machine.environment, stack="x", file=machine.write_stack_file(tmp_path)
    )
    assert request.prepare_engine(Purpose.PREVIEW).workspace.stack == "x"
    assert machine.plugins == ["command", "tls", "kubernetes", "aws"]
    assert "kubectl" not in machine.tools


def test_up_with_a_stand_in_names_the_plugin_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = FakeMachine(tmp_path, monkeypatch, "stand-in")
    with pytest.raises(UserError) as error:
        actions.up(
            actions.StackRequest(
                environment=machine.environment, stack="x", file=machine.write_stack_file(tmp_path)
            )
        )
    assert str(error.value).startswith("plugin aws 1.0.0: only its stand-in is installed")
    assert "pulumi plugin install resource aws 1.0.0 --reinstall" in str(error.value)
    assert "\n" not in str(error.value)
    assert machine.commands == []


def test_up_with_the_official_plugin_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = FakeMachine(tmp_path, monkeypatch, "official")
    work_directory = workspace.prepare(
        environment=machine.environment, stack="x", source=machine.write_stack_file(tmp_path)
    )
    assert prepare.prepare_stack(machine.environment, work_directory, Purpose.CHANGE).workspace.stack == "x"
    assert machine.tools == catalogue.TOOLS
