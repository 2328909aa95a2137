"""Plans: an `up` that does what a preview said, or nothing.

The engine can save what a preview would do and keep an `up` to it; but it notices a difference only
where it comes to it, with the resources before that already changed. So the same preview is made once
more first, and both are compared: then nothing at all is touched. The engine's own check stays, for what
changes in between. Secrets in a plan are encrypted by the stack's own key, in a new way each time: of them
the comparison sees only that there is one, the engine compares the values.

The engine's plan says what resources become, and not what they were: by it alone a plan of last week would
take back what was done since. So a saved plan is of one state of the stack, by its digest: every `up`,
`refresh` or `destroy` since, whatever it changed, makes it an old one. Digests of what each resource was
tell which of those in the plan are no longer what they were.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from pydantic import BaseModel

from automation.engine.program import Engine
from automation.errors import UserError
from automation.signatures import has_signature
from automation.stacks.events import Event, Step
from settings.bases import is_secure

Plan = Mapping[str, Any]
"""The engine's plan, as JSON."""

_VERSION = 3
_SHOWN = 12
_STAYING = ("same", "read", "refresh")
_COMPARED = ("goal", "steps")
# Lists whose order is that in which the program's coroutines happened to run.
_UNORDERED = ("dependencies", "propertyDependencies", "replaceWith")


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan, and what was there when it was made.

    `before`: by URN a digest of the inputs that change; `state`: the stack's, see `Engine.state_digest`.
    """

    plan: Plan
    input_digests: Mapping[str, str]
    state: str


class _Entry(BaseModel):
    """What is planned for a resource."""

    goal: dict[str, Any] | None = None
    steps: list[str] | None = None


class _Plan(BaseModel):
    """The engine's plan, by its own names."""

    resourcePlans: dict[str, _Entry] | None = None
    config: dict[str, Any] | None = None


class _File(BaseModel):
    """What of a plan's file is read here; the rest is the engine's."""

    kubewright: Literal[3]
    stack: str
    plan: _Plan
    input_digests: dict[str, str]
    state: str


class PlanError(UserError):
    """A plan that is none, is of another stack, or no longer is what would happen."""


@contextmanager
def temporary_plan_file(engine: Engine) -> Iterator[Path]:
    """A place for the engine's plan, private and gone afterwards."""
    with TemporaryDirectory(dir=engine.workspace.directory, prefix="plan-") as directory:
        yield Path(directory) / "plan.json"


@contextmanager
def plan_file(engine: Engine, plan: Plan) -> Iterator[Path]:
    """The plan as the engine reads it."""
    with temporary_plan_file(engine) as file:
        file.touch(mode=0o600)
        file.write_text(json.dumps(plan))
        yield file


def load_engine_plan(file: Path) -> Plan:
    """The engine's own file."""
    found: Plan = json.loads(file.read_text())
    return found


def input_digests(events: Iterable[Event]) -> dict[str, str]:
    """By URN, a digest of what each resource is that a preview would change. Secrets in it are masked."""
    return {
        step.urn: sha256(json.dumps(step.old, sort_keys=True).encode()).hexdigest()
        for step in events
        if isinstance(step, Step) and step.phase == "plan" and step.operation not in _STAYING
    }


def save_plan(path: Path, stack: str, saved: SavedPlan) -> None:
    """Saves a plan for a stack, readable by its owner alone. Raises `UserError`."""
    try:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        content = {"plan": saved.plan, "before": saved.before, "state": saved.state}
        path.write_text(json.dumps({"kubewright": _VERSION, "stack": stack, **content}))
    except OSError as error:
        raise UserError(f"--save-plan: {path}: cannot be written: {error.strerror}") from None


def read_saved_plan(path: Path, stack: str) -> SavedPlan:
    """A plan that `write` saved for this stack. Raises `PlanError`."""
    try:
        content = json.loads(path.read_text())
        found = _File.model_validate(content)
    except OSError as error:
        raise PlanError(
            f"--plan: {path}: cannot be read: {error.strerror}; `preview --save-plan` it"
        ) from None
    except (ValueError, RecursionError):
        raise PlanError(
            f"--plan: {path}: is no plan of `preview --save-plan`, or of another version; save one"
        ) from None
    if found.stack != stack:
        raise PlanError(f"--plan: {path}: is of the stack {found.stack!r}, not {stack}; save one of {stack}")
    return SavedPlan(content["plan"], found.before, found.state)


def check_unchanged(stack: str, wanted: SavedPlan, now: SavedPlan) -> None:
    """Raises `PlanError` when what would happen now is not what the plan says, with what differs."""
    found = [*differences(wanted.plan, now.plan), *_changed_since(wanted.before, now.before)]
    if wanted.state != now.state:
        found.insert(0, "the stack is no longer what it was: an `up`, `refresh` or `destroy` came in between")
    if found:
        more = f"\n  and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        lines = "".join(f"\n  {line}" for line in found[:_SHOWN])
        raise PlanError(
            f"stack {stack}: something else than the plan would happen now; nothing was touched. "
            f"Preview again, and save a new plan.{lines}{more}"
        )


def differences(wanted: Plan, now: Plan) -> list[str]:
    """What two plans do not have in common: a line for each resource."""
    old, new = _resources(wanted), _resources(now)
    lines = []
    for urn in sorted(old.keys() | new.keys()):
        name = urn.rpartition("::")[2]
        if urn not in new:
            lines.append(f"{name}: planned to {_steps(old[urn])}, is no longer there")
        elif urn not in old:
            lines.append(f"{name}: not in the plan, would {_steps(new[urn])}")
        elif old[urn] != new[urn]:
            planned, would = _steps(old[urn]), _steps(new[urn])
            how = "differently" if planned == would else f"not {planned}"
            lines.append(f"{name}: would {would}, {how}")
    if _comparable(wanted.get("config")) != _comparable(now.get("config")):
        lines.append("the stack's configuration is another")
    return lines


def _changed_since(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return [
        f"{urn.rpartition('::')[2]}: was changed since the plan was made"
        for urn in sorted(then.keys() & now.keys())
        if then[urn] != now[urn]
    ]


def _resources(plan: Plan) -> dict[str, Any]:
    entries = plan.get("resourcePlans") or {}
    return {urn: _comparable({key: entry.get(key) for key in _COMPARED}) for urn, entry in entries.items()}


def _comparable(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The value without what differs in two plans of the same: how secrets are encrypted, orders."""
    if has_signature(value) or is_secure(value):
        return {"secret": True}
    if isinstance(value, Mapping):
        return {key: _sorted(item) if key in _UNORDERED else _comparable(item) for key, item in value.items()}
    return [_comparable(item) for item in value] if isinstance(value, list) else value


def _sorted(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, Mapping):
        return {key: _sorted(item) for key, item in value.items()}
    return sorted(map(str, value)) if isinstance(value, list) else value


def _steps(entry: Mapping[str, Any]) -> str:
    words = entry.get("steps") or ["same"]
    return " and ".join("stay" if word == "same" else str(word) for word in words)
