"""Checks the events of a preview by the rules of `policy/`, on machines without the policy plugin [O2].

The functions and inputs are the same as in the CrossGuard pack. The events of the engine contain the inputs
of all resources, including unchanged resources, with every secret masked.
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

PACK_NAME = "kubewright"
MANDATORY = "mandatory"


class PolicyChecker:
    """A checker that collects the resources of a preview and checks them by the policy rules."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Read the settings. `config` is the `config` of the stack file, merged with its bases and
        decrypted.
        """
        self._resources: dict[str, Resource] = {}
        self._stack: StackFacts | None = None
        self._settings_error = ""
        try:
            self._stack = read_facts(config.get(CLUSTER_KEY) or {})
        except SettingsError as error:
            count = len(error.problems)
            self._settings_error = f"not checked: {count} mistake{'' if count == 1 else 's'} in the settings"

    def add_event(self, event: EngineEvent) -> None:
        """Add the resource of an event of the engine."""
        if event.resource_pre_event is None:
            return
        state = event.resource_pre_event.metadata.new
        # Deleted resources have no new state.
        if state is not None:
            inputs = _mask_secrets(state.inputs or {})
            self._resources[state.urn] = Resource(
                type=state.type, urn=state.urn, inputs=inputs, protect=bool(state.protect)
            )

    def violations(self) -> list[Policy]:
        """Return all violations, mandatory violations first. Invalid settings are a mandatory violation
        too.
        """
        if self._stack is None:
            return [
                Policy(policy=f"{PACK_NAME}/readable-settings", level=MANDATORY, text=self._settings_error)
            ]
        resources = list(self._resources.values())
        violations = [*table.check_settings(self._stack), *table.check_resources(resources, self._stack)]
        for resource in resources:
            violations += table.check_resource(resource, self._stack)
        return [
            _convert_violation(violation)
            for violation in sorted(violations, key=lambda each: not each.mandatory)
        ]


def format_violations(policies: list[Policy], *, complete: bool) -> list[str]:
    """Return the lines to show for the violations, or one line when there are no violations.

    `complete` is false for a failed preview. Then it is unknown whether the resources comply with all
    rules.
    """
    if not policies and not complete:
        return ["\nPolicies: not checked, the preview did not finish"]
    if not policies:
        return [f"\nPolicies: all {len(table.RULES)} rules are met"]
    shown = [
        f"    {each.level:<9}  {_resource_name(each)}: {each.text}  ({each.policy})" for each in policies
    ]
    return ["\nPolicies:", *shown]


def mandatory_violations(policies: list[Policy]) -> tuple[str, ...]:
    """Return a line for each mandatory violation."""
    return tuple(
        f"policy {each.policy}: {_resource_name(each)}: {each.text}"
        for each in policies
        if each.level == MANDATORY
    )


def _resource_name(policy: Policy) -> str:
    return policy.urn.rpartition("::")[2] or "settings"


def _convert_violation(violation: Violation) -> Policy:
    level = MANDATORY if violation.mandatory else "advisory"
    return Policy(
        policy=f"{PACK_NAME}/{violation.rule}", level=level, text=violation.message, urn=violation.urn
    )


def _mask_secrets(value: Any) -> Any:  # noqa: ANN401  JSON of any shape
    """Return inputs with every secret masked.

    The engine stores secrets of unchanged resources as objects with a signature.
    """
    if has_signature(value):
        return MASK if is_secret(value) else {}
    if isinstance(value, Mapping):
        return {key: _mask_secrets(item) for key, item in value.items()}
    return [_mask_secrets(item) for item in value] if isinstance(value, list) else value
