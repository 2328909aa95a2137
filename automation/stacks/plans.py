"""Plans: `up` makes exactly the changes of a saved preview, or none.

The engine can save a plan and restrict an `up` to the plan. But the engine detects a difference only when it
reaches the resource that differs, after earlier resources have changed. Therefore `up --plan` first runs the
preview again and compares it with the saved plan. A difference stops `up` before any change. The check of the
engine detects later differences. Secrets in a plan are encrypted with the key of the stack, differently each
time. The comparison checks only that a value is a secret; the engine compares the values.

A plan of the engine contains the new inputs of resources and not the old inputs, so an old plan would revert
later changes. Therefore a saved plan is valid for one state of the stack, identified by a digest. Every later
`up`, `refresh` or `destroy` makes the plan outdated, even without changes. Digests of the old inputs show
which resources changed.
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
from automation.stacks.sizes import inputs_without_size
from settings.bases import is_secure

Plan = Mapping[str, Any]
"""The plan of the engine, as JSON."""

_FORMAT_VERSION = 3
_MAX_SHOWN_DIFFERENCES = 12
_UNCHANGED_OPERATIONS = ("same", "read", "refresh")
_COMPARED_KEYS = ("goal", "steps")
# Lists of the plan whose order is random, because it depends on the scheduling of the program's coroutines.
_UNORDERED_KEYS = ("dependencies", "propertyDependencies", "replaceWith")


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A saved preview: the engine's plan, and the state of the stack before the changes.

    `input_digests` maps the URN of every resource that changes to a digest of its old inputs. `state` is
    the result of `Engine.state_digest`.
    """

    plan: Plan
    input_digests: Mapping[str, str]
    state: str


class _ResourcePlan(BaseModel):
    """The planned change of one resource, in the format of the engine."""

    goal: dict[str, Any] | None = None
    steps: list[str] | None = None


class _EnginePlan(BaseModel):
    """A plan in the format of the engine."""

    resourcePlans: dict[str, _ResourcePlan] | None = None
    config: dict[str, Any] | None = None


class _PlanFile(BaseModel):
    """The fields of a plan file that this module reads. The engine reads the other fields."""

    kubewright: Literal[3]
    stack: str
    plan: _EnginePlan
    before: dict[str, str]
    state: str


class PlanError(UserError):
    """Error for an invalid plan, a plan of another stack, or an outdated plan."""


@contextmanager
def temporary_plan_file(engine: Engine) -> Iterator[Path]:
    """Yield a path for the engine's plan in a private directory. Remove the directory afterwards."""
    with TemporaryDirectory(dir=engine.workspace.directory, prefix="plan-") as directory:
        yield Path(directory) / "plan.json"


@contextmanager
def plan_in_temporary_file(engine: Engine, plan: Plan) -> Iterator[Path]:
    """Yield the path of a temporary file with the plan in the format of the engine."""
    with temporary_plan_file(engine) as file:
        file.touch(mode=0o600)
        file.write_text(json.dumps(plan))
        yield file


def load_engine_plan(file: Path) -> Plan:
    """Return the plan from a file in the format of the engine."""
    plan: Plan = json.loads(file.read_text())
    return plan


def input_digests(events: Iterable[Event]) -> dict[str, str]:
    """Return a digest of the old (masked) inputs of every resource that a preview changes, by URN.

    The digest does not contain the size of a resource that the autoscaler resizes.
    """
    return {
        step.urn: sha256(json.dumps(inputs_without_size(step), sort_keys=True).encode()).hexdigest()
        for step in events
        if isinstance(step, Step) and step.phase == "plan" and step.operation not in _UNCHANGED_OPERATIONS
    }


def save_plan(path: Path, stack: str, saved: SavedPlan) -> None:
    """Save the plan of a stack in a file that only its owner can read. Raise `UserError` on failure."""
    try:
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        content = {"plan": saved.plan, "before": saved.input_digests, "state": saved.state}
        path.write_text(json.dumps({"kubewright": _FORMAT_VERSION, "stack": stack, **content}))
    except OSError as error:
        raise UserError(f"--save-plan: {path}: cannot be written: {error.strerror}") from None


def read_saved_plan(path: Path, stack: str) -> SavedPlan:
    """Return a plan that `save_plan` wrote for this stack. Raise `PlanError` for other files."""
    try:
        content = json.loads(path.read_text())
        saved = _PlanFile.model_validate(content)
    except OSError as error:
        raise PlanError(
            f"--plan: {path}: cannot be read: {error.strerror}; save a plan with `preview --save-plan`"
        ) from None
    except (ValueError, RecursionError):
        raise PlanError(
            f"--plan: {path}: is not a plan of `preview --save-plan`, or of another version; save a new plan"
        ) from None
    if saved.stack != stack:
        raise PlanError(
            f"--plan: {path}: belongs to the stack {saved.stack!r}, not {stack}; save a plan of {stack}"
        )
    return SavedPlan(content["plan"], saved.before, saved.state)


def check_unchanged(stack: str, saved: SavedPlan, current: SavedPlan) -> None:
    """Raise `PlanError` with the differences when `up` would make other changes than the saved plan."""
    problems = differences(saved.plan, current.plan)
    problems += _changed_resources(saved.input_digests, current.input_digests)
    if saved.state != current.state:
        problems.insert(0, "the state changed: an `up`, `refresh` or `destroy` ran since the plan was saved")
    if problems:
        more = (
            f"\n  and {len(problems) - _MAX_SHOWN_DIFFERENCES} more"
            if len(problems) > _MAX_SHOWN_DIFFERENCES
            else ""
        )
        lines = "".join(f"\n  {line}" for line in problems[:_MAX_SHOWN_DIFFERENCES])
        raise PlanError(
            f"stack {stack}: the plan no longer matches; nothing was changed. Preview again and "
            f"save a new plan.{lines}{more}"
        )


def differences(saved: Plan, current: Plan) -> list[str]:
    """Return a line for each resource whose planned change differs between two plans."""
    old, new = _comparable_resources(saved), _comparable_resources(current)
    lines = []
    for urn in sorted(old.keys() | new.keys()):
        name = urn.rpartition("::")[2]
        if urn not in new:
            lines.append(f"{name}: planned to {_describe_operations(old[urn])}, no longer exists")
        elif urn not in old:
            lines.append(f"{name}: not in the plan, would {_describe_operations(new[urn])}")
        elif old[urn] != new[urn]:
            planned, would = _describe_operations(old[urn]), _describe_operations(new[urn])
            how = "differently" if planned == would else f"not {planned}"
            lines.append(f"{name}: would {would}, {how}")
    if _comparable(saved.get("config")) != _comparable(current.get("config")):
        lines.append("the stack's configuration changed")
    return lines


def _changed_resources(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Return a line for each resource whose old inputs changed between two previews.

    `old` and `new` are the results of `input_digests` for the two previews.
    """
    return [
        f"{urn.rpartition('::')[2]}: changed since the plan was saved"
        for urn in sorted(old.keys() & new.keys())
        if old[urn] != new[urn]
    ]


def _comparable_resources(plan: Plan) -> dict[str, Any]:
    """Return the goal and the steps of each resource of a plan, as `_comparable` converts them, by URN."""
    entries = plan.get("resourcePlans") or {}
    return {
        urn: _comparable({key: entry.get(key) for key in _COMPARED_KEYS}) for urn, entry in entries.items()
    }


def _comparable(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a copy of a value of a plan that is equal in two plans with the same changes.

    The copy contains a placeholder for each secret, because encryption differs each time, and sorted lists in
    place of lists with a random order.
    """
    if has_signature(value) or is_secure(value):
        return {"secret": True}
    if isinstance(value, Mapping):
        return {
            key: _sort_lists(item) if key in _UNORDERED_KEYS else _comparable(item)
            for key, item in value.items()
        }
    return [_comparable(item) for item in value] if isinstance(value, list) else value


def _sort_lists(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a copy of the value in which each list is a sorted list of texts, also inside mappings."""
    if isinstance(value, Mapping):
        return {key: _sort_lists(item) for key, item in value.items()}
    return sorted(map(str, value)) if isinstance(value, list) else value


def _describe_operations(entry: Mapping[str, Any]) -> str:
    """Return the planned operations on a resource as text, such as `create-replacement and replace`."""
    words = entry.get("steps") or ["same"]
    return " and ".join("stay" if word == "same" else str(word) for word in words)
