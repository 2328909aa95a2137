"""Tests that `up` reads the sizes of scale sets before it changes them, also with a plan."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from automation.engine.program import Engine
from automation.environment import Environment
from automation.stacks import actions, driver, plans, sizes
from automation.stacks.actions import StackRequest
from automation.stacks.events import Step
from automation.stacks.preflight import encryption, rotation, upgrade
from automation.stacks.result import Action, Options, Outcome, Result

TYPE = "azure-native:compute:VirtualMachineScaleSet"
URN = f"urn:pulumi:prod::kubewright::kubewright:azure:Pool${TYPE}::pool-general-1"
OTHER = "urn:pulumi:prod::kubewright::azure-native:compute:Disk::cp-1-data"


class FakeEngine:
    """An engine with a state, whose digest changes with every refresh."""

    def __init__(self, settings: dict[str, Any], *resources: dict[str, Any]) -> None:
        self.workspace = SimpleNamespace(
            config={"kubewright:cluster": settings}, stack="prod", directory=None
        )
        self.resources, self.exports, self.refreshes = list(resources), 0, 0

    def export_state(self) -> dict[str, Any]:
        self.exports += 1
        return {"deployment": {"resources": self.resources}}

    def state_digest(self) -> str:
        return f"digest-{self.refreshes}"

    def read_output(self, name: str) -> str:
        return name


def engine_with_pool(settings: dict[str, Any] | None = None) -> FakeEngine:
    pool, disk = {"urn": URN, "type": TYPE}, {"urn": OTHER, "type": "azure-native:compute:Disk"}
    return FakeEngine({"azure": {}} if settings is None else settings, pool, disk)


def test_only_scale_sets_are_refreshed() -> None:
    engine = engine_with_pool()
    assert sizes.resized_resources(cast(Engine, engine), engine.export_state) == (URN,)
    engine.resources = [{"urn": URN, "type": TYPE, "delete": True}]
    assert sizes.resized_resources(cast(Engine, engine), engine.export_state) == ()


@pytest.mark.parametrize("section", ["metal", "aws"])
def test_state_of_other_stacks_is_not_read(section: str) -> None:
    engine = engine_with_pool({section: {}})
    assert sizes.resized_resources(cast(Engine, engine), engine.export_state) == ()
    assert engine.exports == 0


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Action, tuple[str, ...]]]:
    recorded: list[tuple[Action, tuple[str, ...]]] = []

    def run_action(action: Action, engine: Any, options: Options, **_: object) -> Result:  # noqa: ANN401
        recorded.append((action, options.targets))
        engine.refreshes += action is Action.REFRESH
        outcome = Outcome.FAILED if engine.refreshes and engine.fails else Outcome.CHANGES
        return Result(
            stack="prod", action=action, outcome=outcome, errors=("denied",) if engine.fails else ()
        )

    for module in (rotation, upgrade, encryption):
        monkeypatch.setattr(module, "check", lambda *_: None)
    monkeypatch.setattr(upgrade, "record_success", lambda *_: None)
    monkeypatch.setattr(driver, "run_action", run_action)
    monkeypatch.setattr(FakeEngine, "fails", False, raising=False)
    return recorded


def request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: Options | None = None) -> StackRequest:
    engine = engine_with_pool()
    engine.workspace.directory = tmp_path
    monkeypatch.setattr(StackRequest, "prepare_engine", lambda *_: engine)
    environment = Environment(state=tmp_path, cache=tmp_path)
    monkeypatch.setattr(Environment, "kubeconfig", lambda *_: tmp_path / "kubeconfig")
    return StackRequest(
        environment=environment, stack="prod", options=options or Options(), show=lambda _: None
    )


def test_up_refreshes_the_scale_sets_first(
    calls: list[tuple[Action, tuple[str, ...]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert actions.up(request(tmp_path, monkeypatch)).outcome is Outcome.CHANGES
    assert calls == [(Action.REFRESH, (URN,)), (Action.UP, ())]


def test_up_stops_when_the_sizes_cannot_be_read(
    calls: list[tuple[Action, tuple[str, ...]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeEngine, "fails", True, raising=False)
    result = actions.up(request(tmp_path, monkeypatch))
    assert (result.action, result.outcome, result.errors) == (Action.UP, Outcome.FAILED, ("denied",))
    assert calls == [(Action.REFRESH, (URN,))]


def test_preview_without_a_plan_changes_no_state(
    calls: list[tuple[Action, tuple[str, ...]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.preview(request(tmp_path, monkeypatch))
    assert calls == [(Action.PREVIEW, ())]


def test_refresh_of_sizes_does_not_make_a_plan_outdated(
    calls: list[tuple[Action, tuple[str, ...]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = tmp_path / "plan"
    compared: list[tuple[str, str]] = []
    saved = plans.SavedPlan({}, {}, "digest-0")
    monkeypatch.setattr(plans, "read_saved_plan", lambda *_: saved)
    monkeypatch.setattr(plans, "load_engine_plan", lambda _: {})
    monkeypatch.setattr(plans, "check_unchanged", lambda _, a, b: compared.append((a.state, b.state)))
    actions.up(request(tmp_path, monkeypatch, Options(plan=plan)))
    assert compared == [("digest-0", "digest-0")]
    assert [action for action, _ in calls] == [Action.REFRESH, Action.PREVIEW, Action.UP]


def test_size_is_not_part_of_a_plan() -> None:
    def step(capacity: int, tier: str = "Standard", kind: str = TYPE) -> Step:
        old = {"sku": {"capacity": capacity, "tier": tier}}
        return Step(operation="update", phase="plan", urn=URN, type=kind, old=old)

    assert plans.input_digests([step(3)]) == plans.input_digests([step(7)])
    assert plans.input_digests([step(3)]) != plans.input_digests([step(3, "Basic")])
    assert plans.input_digests([step(3, kind="x")]) != plans.input_digests([step(7, kind="x")])
