"""The policy pack: conversion of the policy rules to CrossGuard policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pulumi
import pulumi_policy
from pulumi_policy import policy as _library
from pulumi_policy.deserialize import deserialize_properties
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE
from pulumi_policy.secret import Secret

from policy.rules.model import Resource, ResourceRule, Rule, SettingsRule, StackFacts, StackRule
from policy.rules.table import RULES
from policy.stack_facts import read_facts
from providers.resources import UNKNOWN
from redaction import MASK
from settings import SettingsError
from settings.hosts_file import join_hosts

NAME = "kubewright"
DESERIALIZE = "deserialize_properties"
"""Name of the library function that converts messages of the engine to resource inputs."""
_STACK_TYPE = "pulumi:pulumi:Stack"
"""Type of the root resource of every stack. Settings are checked with this resource, before any other
exists.
"""
_UNKNOWN_VALUES = (
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
    UNKNOWN_STRING_VALUE,
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # mapping
)
"""Placeholders with which the engine represents unknown values, by type."""


def expose_secret_markers() -> None:
    """Configure the policy library to mark secret inputs.

    By default the library unwraps secrets before it calls a rule. The rule that looks for secrets in plain
    inputs could then not distinguish marked secrets from plain text.
    """

    def deserialize(props: dict[str, Any], proxy_secrets: bool = True) -> dict[str, Any]:
        return deserialize_properties(props, True)

    setattr(_library, DESERIALIZE, deserialize)


def policies() -> list[pulumi_policy.Policy]:
    """Return every rule of the rule table as a CrossGuard policy."""
    return [_to_crossguard(rule) for rule in RULES]


def _to_crossguard(rule: Rule) -> pulumi_policy.Policy:
    level = (
        pulumi_policy.EnforcementLevel.MANDATORY
        if rule.mandatory
        else pulumi_policy.EnforcementLevel.ADVISORY
    )
    if isinstance(rule, StackRule):
        return pulumi_policy.StackValidationPolicy(
            rule.name, rule.description, _stack_validation(rule), level
        )
    validate = _resource_validation(rule) if isinstance(rule, ResourceRule) else _settings_validation(rule)
    return pulumi_policy.ResourceValidationPolicy(
        name=rule.name, description=rule.description, validate=validate, enforcement_level=level
    )


_ReportViolation = Callable[..., None]
"""Callback of the library that receives the message and the URN of a violation."""


def _resource_validation(
    rule: ResourceRule,
) -> Callable[[pulumi_policy.ResourceValidationArgs, _ReportViolation], None]:
    def validate(args: pulumi_policy.ResourceValidationArgs, report: _ReportViolation) -> None:
        facts = _stack_facts()
        if facts is not None:
            for message in rule.check(_resource(args), facts):
                report(message, args.urn)

    return validate


def _settings_validation(
    rule: SettingsRule,
) -> Callable[[pulumi_policy.ResourceValidationArgs, _ReportViolation], None]:
    def validate(args: pulumi_policy.ResourceValidationArgs, report: _ReportViolation) -> None:
        facts = _stack_facts() if args.resource_type == _STACK_TYPE else None
        if facts is not None:
            for message in rule.check(facts):
                report(message, args.urn)

    return validate


def _stack_validation(
    rule: StackRule,
) -> Callable[[pulumi_policy.StackValidationArgs, _ReportViolation], None]:
    def validate(args: pulumi_policy.StackValidationArgs, report: _ReportViolation) -> None:
        facts = _stack_facts()
        if facts is not None:
            for resource, message in rule.check([_resource(each) for each in args.resources], facts):
                report(message, resource.urn)

    return validate


@cache
def _stack_facts() -> StackFacts | None:
    """Return the facts of the stack; None for invalid settings, which the Pulumi program reports."""
    try:
        config = pulumi.Config("kubewright")
        return read_facts(join_hosts(config.get_object("cluster") or {}, config.get("hosts-file")))
    except (SettingsError, pulumi.ConfigTypeError):
        return None


def _resource(args: pulumi_policy.ResourceValidationArgs | pulumi_policy.PolicyResource) -> Resource:
    return Resource(
        type=args.resource_type, urn=args.urn, inputs=plain_inputs(args.props), protect=args.opts.protect
    )


def plain_inputs(value: Any) -> Any:  # noqa: ANN401  JSON of any shape
    """Return resource inputs from the policy library as JSON, with placeholders for secret and unknown
    values.
    """
    # The proxy objects of the library raise on access to an unknown value. This key returns the raw value.
    while type(value).__name__.endswith("Proxy"):
        value = value["__target"]
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Mapping):
        return {str(key): plain_inputs(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_inputs(item) for item in value]
    return UNKNOWN if value in _UNKNOWN_VALUES else value
