"""From the engine's events to a report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from automation.report.cost import cost
from automation.report.detectors import Facts
from automation.report.hosts import natural, operation, pictures
from automation.report.lines import properties
from automation.report.model import Change, Operation, Report, Violation
from automation.report.rules import risks
from automation.stacks.driver import Code, Result
from automation.stacks.events import Event, Message, Policy, Step, Summary
from topology.model import Topology

# Providers are the engine's business, but for the connection to the API, which everything hangs on.
_UNSAID = "pulumi:pulumi:Stack"
_DEFAULT_PROVIDER = "default_"
_ORDER = (Operation.REPLACE, Operation.DELETE, Operation.CHANGE, Operation.CREATE)
_ENGINES_ADVICE = "The provider for this resource has inputs that are not known during preview."


def of_result(result: Result, wanted: Topology | None) -> Report:
    """The report of a preview. `wanted` is the topology that the stack file describes, if it can be read."""
    errors = result.errors if result.code is Code.FAILED else ()
    return of_events(result.stack, result.events, wanted, errors=errors)


def of_events(
    stack: str,
    events: Iterable[Event],
    wanted: Topology | None = None,
    *,
    errors: Iterable[str] = (),
    prices: Mapping[str, Mapping[str, float]] | None = None,
) -> Report:
    """The report of what the events say. `prices`: see `automation.report.cost`."""
    seen = list(events)
    steps = [event for event in seen if isinstance(event, Step) and event.phase == "plan"]
    before, after = pictures(steps, wanted)
    facts = Facts(steps, before, after, wanted)
    return Report(
        stack=stack,
        changes=tuple(sorted(_changes(facts), key=_place_in_report)),
        unchanged=_unchanged(seen),
        risks=tuple(risks(facts)),
        violations=tuple(_violation(event) for event in seen if isinstance(event, Policy)),
        warnings=_said(seen, "warning"),
        errors=tuple(dict.fromkeys([*_said(seen, "error"), *errors])),
        before=before,
        after=after,
        cost=cost(steps, prices),
    )


def _changes(facts: Facts) -> Iterable[Change]:
    for step in facts.steps:
        done = operation(step)
        if done is None or done is Operation.SAME or _is_of_no_interest(step):
            continue
        where = facts.at(step)
        yield Change(
            urn=step.urn,
            type=step.type,
            name=step.name,
            component=where.component,
            host=where.host,
            role=where.role,
            operation=done,
            properties=properties(step),
        )


def _is_of_no_interest(step: Step) -> bool:
    if step.type == _UNSAID or step.type.startswith("kubewright:index:"):
        return True
    return step.type.startswith("pulumi:providers:") and step.name.startswith(_DEFAULT_PROVIDER)


def _place_in_report(change: Change) -> tuple[object, ...]:
    return (change.component, _ORDER.index(change.operation), natural(change.host), natural(change.name))


def _unchanged(events: Iterable[Event]) -> int:
    summaries = [event for event in events if isinstance(event, Summary)]
    return int(summaries[-1].changes.get("same", 0)) if summaries else 0


def _said(events: Iterable[Event], severity: str) -> tuple[str, ...]:
    """What was said so, each once; the engine's general advice is none about this change."""
    texts = (event.text for event in events if isinstance(event, Message) and event.severity == severity)
    return tuple(dict.fromkeys(text for text in texts if not text.startswith(_ENGINES_ADVICE)))


def _violation(event: Policy) -> Violation:
    return Violation(
        event.policy,
        event.urn.rpartition("::")[2],
        event.text,
        mandatory=event.level in ("mandatory", "remediate"),
    )
