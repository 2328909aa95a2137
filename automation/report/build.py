"""Builds a report from the events of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from automation.report.change_facts import ChangeFacts
from automation.report.cost import machine_cost
from automation.report.hosts import host_pictures, natural_key, operation_of
from automation.report.lines import changed_properties
from automation.report.model import Operation, Report, ResourceChange, Violation
from automation.report.rules import find_risks
from automation.stacks.events import Event, Message, Policy, Step, Summary
from automation.stacks.result import Outcome, Result
from topology.model import Topology

# Resource types that exist only for the engine. The provider of the Kubernetes API is not among them: it is
# reported, because every Kubernetes resource depends on it.
_STACK_TYPE = "pulumi:pulumi:Stack"
_DEFAULT_PROVIDER_PREFIX = "default_"
_COMPONENT_TYPE_PREFIX = "kubewright:index:"
_OPERATION_ORDER = (Operation.REPLACE, Operation.DELETE, Operation.CHANGE, Operation.CREATE)
_ENGINE_ADVICE = "The provider for this resource has inputs that are not known during preview."


def build_report(result: Result, topology: Topology | None) -> Report:
    """Return the report of a run. `topology` is read from the stack file; None for an invalid file."""
    errors = result.errors if result.outcome is Outcome.FAILED else ()
    return report_from_events(result.stack, result.events, topology, errors=errors)


def report_from_events(
    stack: str,
    events: Iterable[Event],
    topology: Topology | None = None,
    *,
    errors: Iterable[str] = (),
    prices: Mapping[str, Mapping[str, float]] | None = None,
) -> Report:
    """Return the report that the events of a run of the engine describe.

    `errors` are additional error messages. `prices` are the prices per hour, by plugin and machine type (see
    `automation.report.cost`).
    """
    events = list(events)
    steps = [event for event in events if isinstance(event, Step) and event.phase == "plan"]
    before, after = host_pictures(steps, topology)
    facts = ChangeFacts(steps, before, after, topology)
    return Report(
        stack=stack,
        changes=tuple(sorted(_build_changes(facts), key=_sort_key)),
        unchanged=_count_unchanged(events),
        risks=tuple(find_risks(facts)),
        violations=tuple(_convert_violation(event) for event in events if isinstance(event, Policy)),
        warnings=_distinct_messages(events, "warning"),
        errors=tuple(dict.fromkeys([*_distinct_messages(events, "error"), *errors])),
        before=before,
        after=after,
        cost=machine_cost(steps, prices),
    )


def _build_changes(facts: ChangeFacts) -> Iterable[ResourceChange]:
    for step in facts.steps:
        operation = operation_of(step)
        if operation is None or operation is Operation.SAME or _is_internal(step):
            continue
        location = facts.location(step)
        yield ResourceChange(
            urn=step.urn,
            type=step.type,
            name=step.name,
            component=location.component,
            host=location.host,
            role=location.role,
            operation=operation,
            properties=changed_properties(step),
        )


def _is_internal(step: Step) -> bool:
    if step.type == _STACK_TYPE or step.type.startswith(_COMPONENT_TYPE_PREFIX):
        return True
    return step.type.startswith("pulumi:providers:") and step.name.startswith(_DEFAULT_PROVIDER_PREFIX)


def _sort_key(change: ResourceChange) -> tuple[object, ...]:
    operation = _OPERATION_ORDER.index(change.operation)
    return (change.component, operation, natural_key(change.host), natural_key(change.name))


def _count_unchanged(events: Iterable[Event]) -> int:
    summaries = [event for event in events if isinstance(event, Summary)]
    return int(summaries[-1].changes.get("same", 0)) if summaries else 0


def _distinct_messages(events: Iterable[Event], severity: str) -> tuple[str, ...]:
    """Return the distinct messages of a severity, without the general advice of the engine."""
    texts = (event.text for event in events if isinstance(event, Message) and event.severity == severity)
    return tuple(dict.fromkeys(text for text in texts if not text.startswith(_ENGINE_ADVICE)))


def _convert_violation(event: Policy) -> Violation:
    return Violation(
        event.policy,
        event.urn.rpartition("::")[2],
        event.text,
        mandatory=event.level in ("mandatory", "remediate"),
    )
