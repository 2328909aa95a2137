"""Tests that a command installs only the tools and plugins that it uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from artifacts import catalogue
from artifacts.index import Index
from automation import prepare
from automation.engine.program import Engine
from automation.environment import Environment
from automation.errors import UserError
from automation.plugin_kind import VARIABLE
from automation.prerequisites import Purpose, prerequisites_of
from automation.stacks import actions
from automation.stacks.result import Options
from lab import lifecycle as lab
from lab.plugins.kinds import Installed, PluginKind

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
    with_cilium = AWS | {"network": {"cni": "cilium"}}
    assert "helm" in prerequisites_of(with_cilium, Purpose.PREVIEW, lab=False).tools
    assert set(tools) < set(catalogue.TOOLS)


@pytest.mark.parametrize(
    ("purpose", "has_lab"), [(Purpose.CHANGE, False), (Purpose.OTHER, False), (Purpose.PREVIEW, True)]
)
def test_changes_and_labs_need_every_tool(purpose: Purpose, has_lab: bool) -> None:
    assert prerequisites_of(AWS, purpose, lab=has_lab).tools == catalogue.TOOLS


def test_commands_for_the_state_need_no_plugins() -> None:
    assert prerequisites_of(AWS, Purpose.STATE, lab=False).plugins == ()


class FakeMachine:
    """A fake machine that records the installed tools and plugins."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, state: str = "") -> None:
        self.environment = Environment(state=directory / "state", cache=directory / "cache")
        self.tools: tuple[str, ...] = ()
        self.plugins: list[str] = []
        self.kind: PluginKind | None = None
        self.home = Path()
        if state:
            file = directory / "state/backend/.pulumi/stacks/kubewright/x.json"
            file.parent.mkdir(parents=True)
            file.write_text(state)

        def tools(
            _directory: Path, _cache: object, _progress: object, names: tuple[str, ...]
        ) -> dict[str, Path]:
            self.tools = names
            return {"pulumi": directory / "pulumi"}

        def plugins(_: Path, home: Path, names: tuple[str, ...], kind: PluginKind) -> list[Installed]:
            self.plugins, self.kind, self.home = list(names), kind, home
            return [Installed(name, "1.0.0", kind, fresh=False) for name in names]

        def forbidden(*_: object, **__: object) -> Index:
            raise AssertionError("a mirror or a lab was created")

        monkeypatch.delenv(VARIABLE, raising=False)
        monkeypatch.setattr(prepare, "install_tools", tools)
        monkeypatch.setattr(prepare, "install", plugins)
        monkeypatch.setattr("artifacts.mirror.build", forbidden)
        monkeypatch.setattr(lab, "up", forbidden)
        monkeypatch.setattr(Engine, "select", lambda _: None)
        monkeypatch.setattr(Engine, "capture", lambda *_: "{}")

    def prepare(self, directory: Path, purpose: Purpose, *, offline: bool = False) -> Engine:
        """Prepare a stack on AWS."""
        path = directory / "Pulumi.x.yaml"
        path.write_text(yaml.safe_dump({"config": {"kubewright:cluster": AWS}}))
        request = actions.StackRequest(
            environment=self.environment, stack="x", file=path, options=Options(offline=offline)
        )
        return request.prepare_engine(purpose)


def test_offline_preview_of_a_cloud_stack_creates_no_lab_and_no_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = FakeMachine(tmp_path, monkeypatch)
    engine = machine.prepare(tmp_path, Purpose.PREVIEW, offline=True)
    assert engine.workspace.stack == "x"
    assert machine.plugins == ["command", "tls", "kubernetes", "aws"]
    assert machine.kind is PluginKind.STAND_IN
    assert "kubectl" not in machine.tools
    assert engine.variables()["PULUMI_HOME"] == str(machine.home) == str(tmp_path / "cache/stand-ins")
    assert engine.variables()["PULUMI_IGNORE_AMBIENT_PLUGINS"] == "true"


@pytest.mark.parametrize("purpose", [Purpose.PREVIEW, Purpose.CHANGE, Purpose.OTHER])
def test_stack_without_a_lab_uses_official_plugins_in_a_separate_engine_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, purpose: Purpose
) -> None:
    machine = FakeMachine(tmp_path, monkeypatch)
    engine = machine.prepare(tmp_path, purpose)
    assert machine.kind is PluginKind.OFFICIAL
    assert engine.variables()["PULUMI_HOME"] == str(machine.home) == str(tmp_path / "cache/pulumi")
    assert "PULUMI_IGNORE_AMBIENT_PLUGINS" not in engine.variables()


def test_change_of_the_kind_is_refused_before_plugins_are_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = FakeMachine(tmp_path, monkeypatch, state='{"inputs": {"__standIn": true}}')
    with pytest.raises(UserError, match=r"^stack x: stand-in plugins created the state"):
        machine.prepare(tmp_path, Purpose.CHANGE)
    assert machine.plugins == []
    # Commands for the state work, so that the state can be exported and changed.
    machine.prepare(tmp_path, Purpose.STATE)


def test_change_with_official_plugins_installs_every_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = FakeMachine(tmp_path, monkeypatch)
    machine.prepare(tmp_path, Purpose.CHANGE)
    assert machine.tools == catalogue.TOOLS
