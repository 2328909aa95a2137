"""Events: the steps and messages of the engine, redacted, as data and as JSON lines.

The engine masks values that it knows to be secret. This module redacts the texts of plugins and programs.
Unchanged resources keep only their names and a few inputs, so that the log of a stack of 1,000 hosts stays
readable.
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
from formats.notices import FAILURE, PROGRESS
from providers.registry import CLOUDS
from redaction import MASK
from redaction.redactor import Redactor

Values = Mapping[str, Any]
"""Inputs of a resource as JSON. The text `[secret]` replaces secrets."""

UNKNOWN = "[unknown]"
"""The text that replaces a value that is unknown until another resource is created."""

INPUTS_OF_UNCHANGED = frozenset(name for cloud in CLOUDS for name in cloud.types.cost_inputs)
"""Inputs of unchanged resources that reports need to calculate the cost of machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the engine on a resource.

    `operation` is create, update, same, delete-replaced, ... `phase` is `plan` (planned by a preview, or
    started), `done` or `failed`. `old` and `new` are inputs. `paths` maps the inputs that differ to the
    engine's kind of difference (`add`, `update-replace`, ...). `was` is the previous parent, if the parent
    changed.
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
        """Return the name of the resource in the program."""
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message of the engine or of a plugin.

    `severity` is info, warning, error or debug. `urn` is the resource, or empty. `progress` is true for the
    message of a running command that it progresses.
    """

    severity: str
    text: str
    urn: str = ""
    progress: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A violation of a policy. `level` is advisory, mandatory, remediate or disabled."""

    policy: str
    level: str
    text: str
    urn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The summary at the end of a run. `changes` is the number of resources by operation."""

    changes: Mapping[str, int]
    seconds: int = 0


Event = Step | Message | Policy | Summary
_EVENT_KINDS: Mapping[str, type[Event]] = {
    "step": Step,
    "message": Message,
    "policy": Policy,
    "summary": Summary,
}
_UNCHANGED_OPERATIONS = ("same", "refresh")


def convert_engine_event(event: EngineEvent, redactor: Redactor) -> Event | None:
    """Convert an event of the engine and redact it. Return None for events without information."""
    if event.resource_pre_event:
        return _convert_step(event.resource_pre_event.metadata, "plan", redactor)
    if event.res_outputs_event:
        # In a preview, this event repeats the plan. In an update, it means that the step is done.
        outputs = event.res_outputs_event
        return None if outputs.planning else _convert_ended_step(outputs.metadata, "done", redactor)
    if event.res_op_failed_event:
        return _convert_ended_step(event.res_op_failed_event.metadata, "failed", redactor)
    if event.diagnostic_event:
        diagnostic = event.diagnostic_event
        if diagnostic.severity == "debug":
            return None
        text = redactor.redact(strip_formatting(diagnostic.message))
        notice = _convert_notice(text, redactor.redact(diagnostic.urn or ""))
        if notice or diagnostic.ephemeral:
            return notice
        return (
            Message(severity=diagnostic.severity, text=text, urn=redactor.redact(diagnostic.urn or ""))
            if text
            else None
        )
    if event.policy_event:
        violation = event.policy_event
        return Policy(
            policy=f"{violation.policy_pack_name}/{violation.policy_name}",
            level=violation.enforcement_level,
            text=redactor.redact(strip_formatting(violation.message)),
            urn=redactor.redact(violation.resource_urn or ""),
        )
    if event.summary_event:
        summary = event.summary_event
        changes = {_name_as_text(key): number for key, number in summary.resource_changes.items()}
        return Summary(changes=changes, seconds=int(summary.duration_seconds or 0))
    return None


def format_json_line(event: Event, **more: object) -> str:
    """Return an event as one JSON line. The fields of `more`, such as stack and time, come first."""
    kind = next(name for name, cls in _EVENT_KINDS.items() if isinstance(event, cls))
    return json.dumps({**more, "kind": kind, **{key: value for key, value in asdict(event).items() if value}})


def parse_json_lines(lines: Iterable[str]) -> Iterator[Event]:
    """Yield the events of a log that `format_json_line` wrote. Raise `UserError` for other lines."""
    for number, text in enumerate(lines, 1):
        try:
            content = json.loads(text)
            kind = _EVENT_KINDS[content["kind"]]
            fields = {key: value for key, value in content.items() if key in kind.__dataclass_fields__}
            yield kind(**fields)
        except (ValueError, KeyError, TypeError):
            raise UserError(f"line {number} is not a line of an event log that `--events` wrote") from None


def _convert_notice(text: str, urn: str) -> Message | None:
    """Convert a message about a running command. Return None for other output of the command."""
    text = text.rstrip("\n")
    if text.startswith(FAILURE):
        return Message(severity="warning", text=text.removeprefix(FAILURE), urn=urn)
    if text.startswith(PROGRESS):
        return Message(severity="info", text=text.removeprefix(PROGRESS), urn=urn, progress=True)
    return None


def _convert_step(data: StepEventMetadata, phase: str, redactor: Redactor) -> Step:
    operation = _name_as_text(data.op)
    new, old = data.new, data.old
    parents = [state.parent or "" for state in (new, old) if state]
    parent = parents[0] if parents else ""
    inputs = [dict(state.inputs or {}) if state else {} for state in (old, new)]
    if operation in _UNCHANGED_OPERATIONS:
        inputs = [
            {key: value for key, value in each.items() if key in INPUTS_OF_UNCHANGED} for each in inputs
        ]
    diffs = data.detailed_diff or {}
    paths = {path: _name_as_text(diff.diff_kind) for path, diff in diffs.items()}
    paths = paths or dict.fromkeys(data.diffs or (), "update")
    return Step(
        operation=operation,
        phase=phase,
        urn=redactor.redact(data.urn),
        type=data.type,
        parent=redactor.redact(parent),
        was=redactor.redact(parents[-1]) if parents and parents[-1] != parent else "",
        old=redactor.redact_value(_mask_special_values(inputs[0])),
        new=redactor.redact_value(_mask_special_values(inputs[1])),
        paths={redactor.redact(path): kind for path, kind in paths.items()},
    )


def _convert_ended_step(data: StepEventMetadata, phase: str, redactor: Redactor) -> Step:
    """Return a step that ended, without inputs, because the event at its start contained the inputs."""
    operation = _name_as_text(data.op)
    return Step(operation=operation, phase=phase, urn=redactor.redact(data.urn), type=data.type)


def _mask_special_values(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Replace secrets and unknown values inside a value by `MASK` and `UNKNOWN`."""
    if signatures.has_signature(value):
        return MASK
    if isinstance(value, Mapping):
        return {key: _mask_special_values(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_mask_special_values(item) for item in value]
    return UNKNOWN if value == signatures.UNKNOWN else value


def _name_as_text(word: object) -> str:
    """Return the name of an operation or of a kind of difference as text.

    `word` is a member of an enum if the SDK knows the name, and a text otherwise.
    """
    return str(getattr(word, "value", word))
