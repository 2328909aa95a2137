"""The rules of `policy/` on a preview's events: for machines that have no policy plugin [O2].

The same functions as in the CrossGuard pack, on the same inputs: the engine's events have them with every
secret masked, unchanged resources included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi.automation.events import EngineEvent

from automation.lab_stack import CLUSTER_KEY
from automation.signatures import has_signature, is_secret
from automation.stacks.events import Policy
from policy.rules import table
from policy.rules.model import Resource, StackFacts, Violation
from policy.stack_facts import read_facts
from redaction import MASK
from settings import SettingsError

PACK = "kubewright"
MANDATORY = "mandatory"


class PolicyChecker:
    """Collects what a preview is about to make or keep, and judges it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """`config` is the stack file's mapping of that name, bases merged and decrypted."""
        self._resources: dict[str, Resource] = {}
        self._stack: StackFacts | None = None
        self._unread = ""
        try:
            self._stack = read_facts(config.get(CLUSTER_KEY) or {})
        except SettingsError as error:
            count = len(error.problems)
            self._unread = f"not checked: {count} mistake{'' if count == 1 else 's'} in the settings"

    def see(self, event: EngineEvent) -> None:
        """Takes an event as the engine gives it."""
        if event.resource_pre_event is None:
            return
        state = event.resource_pre_event.metadata.new
        # What is deleted has no new state.
        if state is not None:
            inputs = _masked(state.inputs or {})
            self._resources[state.urn] = Resource(
                type=state.type, urn=state.urn, inputs=inputs, protect=bool(state.protect)
            )

    def found(self) -> list[Policy]:
        """Every rule that is not kept, mandatory ones first. Settings that cannot be read break one, too."""
        if self._stack is None:
            return [Policy(policy=f"{PACK}/readable-settings", level=MANDATORY, text=self._unread)]
        resources = list(self._resources.values())
        findings = [*table.check_settings(self._stack), *table.check_resources(resources, self._stack)]
        for resource in resources:
            findings += table.check_resource(resource, self._stack)
        return [_event(finding) for finding in sorted(findings, key=lambda each: not each.mandatory)]


def format_violations(policies: list[Policy], *, whole: bool) -> list[str]:
    """What is shown of them; of a preview that keeps them all, one line that says so.

    Of one that did not come to its end (not `whole`), nobody can say that.
    """
    if not policies and not whole:
        return ["\nPolicies: not judged, the preview did not come to its end"]
    if not policies:
        return [f"\nPolicies: all {len(table.RULES)} rules are kept"]
    shown = [f"    {each.level:<9}  {_subject(each)}: {each.text}  ({each.policy})" for each in policies]
    return ["\nPolicies:", *shown]


def mandatory_violations(policies: list[Policy]) -> tuple[str, ...]:
    """A line for each mandatory policy that is not kept."""
    return tuple(
        f"policy {each.policy}: {_subject(each)}: {each.text}" for each in policies if each.level == MANDATORY
    )


def _subject(policy: Policy) -> str:
    return policy.urn.rpartition("::")[2] or "settings"


def _event(finding: Violation) -> Policy:
    level = MANDATORY if finding.mandatory else "advisory"
    return Policy(policy=f"{PACK}/{finding.rule}", level=level, text=finding.message, urn=finding.urn)


def _masked(value: Any) -> Any:  # noqa: ANN401  JSON of any shape
    """Inputs with every secret masked.

    Of resources that stay as they are the engine gives secrets as it keeps them: an object with a sign.
    """
    if has_signature(value):
        return MASK if is_secret(value) else {}
    if isinstance(value, Mapping):
        return {key: _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list) else value
