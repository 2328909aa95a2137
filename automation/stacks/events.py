"""What the engine does, step by step: its events without secrets, as data and as JSON lines.

The engine masks what it knows to be secret. Texts from plugins and programs it cannot know: each passes
the redactor (`redaction.redactor`). Of what stays the same only the name is kept, so that a stack of a
thousand hosts has a log that can be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pulumi.automation.events import EngineEvent, StepEventMetadata

from automation import signatures
from automation.engine.output_filter import strip_formatting
from automation.errors import UserError
from providers.registry import CLOUDS
from redaction import MASK
from redaction.redactor import Redactor

Values = Mapping[str, Any]
"""Inputs of a resource as JSON; secrets are the text `[secret]`."""

UNKNOWN = "[unknown]"
"""Stands for what is known only when something else was made."""

KEPT_OF_UNCHANGED = frozenset(name for cloud in CLOUDS for name in cloud.types.cost_inputs)
"""Inputs of unchanged resources that reports need for the cost of machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A resource's turn. `operation` is the engine's word: create, update, same, delete-replaced, …

    `phase`: `plan` (what a preview says, or what begins), `done` or `failed`. `old` and `new` are inputs;
    `paths` those that differ, with the engine's kind of difference (`add`, `update-replace`, …).
    `was` is the parent that it had before, where that is another.
    """

    operation: str
    phase: str
    urn: str
    type: str
    parent: str = ""
    was: str = ""
    old: Values = field(default_factory=dict)
    new: Values = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something said: `severity` is info, warning, error or debug; `urn` empty where it is of no resource."""

    severity: str
    text: str
    urn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy that is not kept; `level` is advisory, mandatory, remediate or disabled."""

    policy: str
    level: str
    text: str
    urn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The end. `changes`: how many resources by operation."""

    changes: Mapping[str, int]
    seconds: int = 0


Event = Step | Message | Policy | Summary
_KINDS: Mapping[str, type[Event]] = {
    "step": Step,
    "message": Message,
    "policy": Policy,
    "summary": Summary,
}
_SAME = ("same", "refresh")


def convert_engine_event(event: EngineEvent, redactor: Redactor) -> Event | None:
    """The engine's event as ours, veiled; None for those that say nothing to people or programs."""
    if event.resource_pre_event:
        return _step(event.resource_pre_event.metadata, "plan", redactor)
    if event.res_outputs_event:
        # Of a preview it repeats the plan; of an update it says that the step is done.
        ended = event.res_outputs_event
        return None if ended.planning else _done(ended.metadata, "done", redactor)
    if event.res_op_failed_event:
        return _done(event.res_op_failed_event.metadata, "failed", redactor)
    if event.diagnostic_event:
        said = event.diagnostic_event
        if said.ephemeral or said.severity == "debug":
            return None
        text = redactor.redact(strip_formatting(said.message))
        return (
            Message(severity=said.severity, text=text, urn=redactor.redact(said.urn or "")) if text else None
        )
    if event.policy_event:
        found = event.policy_event
        return Policy(
            policy=f"{found.policy_pack_name}/{found.policy_name}",
            level=found.enforcement_level,
            text=redactor.redact(strip_formatting(found.message)),
            urn=redactor.redact(found.resource_urn or ""),
        )
    if event.summary_event:
        end = event.summary_event
        changes = {_word(key): number for key, number in end.resource_changes.items()}
        return Summary(changes=changes, seconds=int(end.duration_seconds or 0))
    return None


def format_json_line(event: Event, **more: object) -> str:
    """One JSON line; `more` goes first (the stack, the time)."""
    kind = next(name for name, cls in _KINDS.items() if isinstance(event, cls))
    return json.dumps({**more, "kind": kind, **{key: value for key, value in asdict(event).items() if value}})


def parse_json_lines(lines: Iterable[str]) -> Iterator[Event]:
    """The events of a log that `line` wrote. Raises `UserError` for one that it did not."""
    for number, text in enumerate(lines, 1):
        try:
            content = json.loads(text)
            kind = _KINDS[content["kind"]]
            fields = {key: value for key, value in content.items() if key in kind.__dataclass_fields__}
            yield kind(**fields)
        except (ValueError, KeyError, TypeError):
            raise UserError(f"line {number} is not of an event log that `--events` wrote") from None


def _step(data: StepEventMetadata, phase: str, redactor: Redactor) -> Step:
    operation = _word(data.op)
    new, old = data.new, data.old
    parents = [state.parent or "" for state in (new, old) if state]
    parent = parents[0] if parents else ""
    inputs = [dict(state.inputs or {}) if state else {} for state in (old, new)]
    if operation in _SAME:
        inputs = [{key: value for key, value in each.items() if key in KEPT_OF_UNCHANGED} for each in inputs]
    diffs = data.detailed_diff or {}
    paths = {path: _word(diff.diff_kind) for path, diff in diffs.items()}
    paths = paths or dict.fromkeys(data.diffs or (), "update")
    return Step(
        operation=operation,
        phase=phase,
        urn=redactor.redact(data.urn),
        type=data.type,
        parent=redactor.redact(parent),
        was=redactor.redact(parents[-1]) if parents and parents[-1] != parent else "",
        old=redactor.redact_value(_masked(inputs[0])),
        new=redactor.redact_value(_masked(inputs[1])),
        paths={redactor.redact(path): kind for path, kind in paths.items()},
    )


def _done(data: StepEventMetadata, phase: str, redactor: Redactor) -> Step:
    """That a step ended; what it was for was in its plan."""
    operation = _word(data.op)
    return Step(operation=operation, phase=phase, urn=redactor.redact(data.urn), type=data.type)


def _masked(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The value with one word in the place of each secret, and of what is not known before it is made."""
    if signatures.has_signature(value):
        return MASK
    if isinstance(value, Mapping):
        return {key: _masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return UNKNOWN if value == signatures.UNKNOWN else value


def _word(word: object) -> str:
    """The engine's word, whether the SDK knows it (then it is of an enumeration) or not."""
    return str(getattr(word, "value", word))
